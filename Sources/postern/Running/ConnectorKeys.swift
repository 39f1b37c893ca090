internal import Connector
internal import Crypto
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import Logging
internal import MachineIdentity
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import Synchronization

/// The keys by which this connector seals, and its epochs, as its state folder and its tenant have them.
final class ConnectorKeys: EpochSource {
    /// Former identity keys that an epoch may still name, besides the present one.
    private static let mostFormer = 4

    private let connection: TenantConnection
    private let sealing: MemberSealing
    private let clock: TenantClock
    /// Whether the files of the state folder are another process's to change.
    private let isObserver: Bool
    private let logger: Logger
    private let identities: Mutex<[IdentityKey]>

    init(
        connection: TenantConnection, store: FolderIdentityStore, clock: TenantClock, isObserver: Bool, logger: Logger
    ) {
        self.connection = connection
        sealing = MemberSealing(connection: connection, store: store)
        self.clock = clock
        self.isObserver = isObserver
        self.logger = logger
        identities = Mutex([connection.identity.key])
    }

    /// Makes the HPKE keys of the present identity key, where they are missing, and hands in what the tenant has not.
    ///
    /// - Parameter known: what the tenant has on file, as its heartbeat said.
    func handIn(known: [HPKEKeyDigest]? = nil) async {
        let present = connection.identity.key
        identities.withLock { identities in
            guard identities.last?.fingerprint != present.fingerprint else { return }
            identities.append(present)
            identities.removeFirst(max(0, identities.count - Self.mostFormer))
        }
        do throws(EnrollmentClientError) {
            let count = try await sealing.handInKeys(known: known, at: clock.now)
            if count > 0 { logger.info("Keys for sealing are handed in", metadata: ["count": "\(count)"]) }
        } catch {
            logger.warning("Keys for sealing cannot be handed in", metadata: ["reason": "\(error)"])
        }
    }

    /// Opens a password that the tenant has sealed to one of this machine's keys.
    func open(_ secret: KafkaEndpoint.SealedSecret) async throws -> Secret {
        let record = connection.identity.record
        guard let number = UInt8(exactly: secret.suite), let suite = SealingSuite(rawValue: number),
            let tenant = TenantID(record.tenant.id), let member = MemberID(record.connectorID)
        else { throw SealingError(.malformed, "a password is sealed in a way that is not known") }
        let key = try HPKEPublicKey(suite: suite, rawRepresentation: secret.key)
        guard let own = try await sealing.hpkeKey(for: key) else {
            throw SealingError(.decryption, "a password is sealed to a key that this machine has not")
        }
        let opened = try SealedCredential(key: key, bytes: Array(secret.sealed)).open(
            with: own, tenant: tenant, member: member)
        guard let text = String(validating: opened, as: UTF8.self) else {
            throw SealingError(.malformed, "a password is no UTF-8")
        }
        return Secret(text)
    }

    // MARK: EpochSource

    func manifest(of group: GroupID, unless known: CoreHash?) async throws -> EpochManifest? {
        try await sealing.fetchEpoch(of: group, known: known)
    }

    func authority() async throws -> P256.Signing.PublicKey {
        try P256.Signing.PublicKey(pemRepresentation: try await sealing.knownAuthority().publicKey)
    }

    func keys(for entry: EpochMember) async throws -> MemberKeys? {
        let wanted = KeyFingerprint(entry.identityKey)
        guard let identity = identities.withLock({ $0.last { $0.fingerprint == wanted } }),
            let hpke = try await sealing.hpkeKey(for: entry.hpkeKey)
        else { return nil }
        return MemberKeys(identity: IdentitySigner(key: identity), hpke: hpke)
    }

    func installed(_ core: EpochCore, in keyring: Keyring) async {
        guard !isObserver else { return }
        do throws(EnrollmentClientError) {
            try await sealing.remember(core, openedWith: keyring.keysInUse)
        } catch {
            logger.error("Key epoch cannot be written down", metadata: ["reason": "\(error)"])
        }
    }
}

/// Signs what the connector says to its groups, wherever its identity's key is.
private struct IdentitySigner: MemberSigning {
    let key: IdentityKey

    var publicKey: P256.Signing.PublicKey { key.publicKey }

    func signature(over bytes: [UInt8]) async throws -> [UInt8] {
        Array(try await key.signature(for: bytes).rawRepresentation)
    }
}
