internal import Crypto
public import EnrollmentProtocol
internal import Failpoints
public import Foundation
public import IdentityStore
internal import MachineIdentity
internal import NIOPosix
public import RelayFormat
public import RelaySealing

/// What a registered machine needs to seal, kept in its state folder and exchanged with its tenant.
///
/// Each of its calls may be made at any time and again: it looks at what is there and does what is missing. So a kill at
/// any point is mended by the next start.
public struct MemberSealing: Sendable {
    private let connection: TenantConnection
    private let store: FolderIdentityStore

    /// Joins a connection and a state folder.
    public init(connection: TenantConnection, store: FolderIdentityStore) {
        self.connection = connection
        self.store = store
    }

    /// Makes HPKE keys for the present identity key, if it has none, and hands in those that the tenant does not have.
    ///
    /// To be called at the start, after each renewal, and whenever a heartbeat does not name all of them.
    ///
    /// - Parameter known: what the tenant has on file, as its last heartbeat said; nil hands them all in.
    /// - Returns: how many were handed in.
    @discardableResult
    public func handInKeys(
        known: [HPKEKeyDigest]? = nil, at now: Date
    ) async throws(EnrollmentClientError) -> Int {
        let owner = connection.identity.key.fingerprint.hex
        let keys = try await onDisk { store throws(IdentityStoreError) in
            try store.hpkeKeys.prepare(for: owner, at: now)
        }
        var count = 0
        for key in keys where known?.contains(Self.digest(key.publicKey)) != true {
            try await connection.call { http, identity async throws(EnrollmentClientError) in
                // A renewal that came in between makes keys of its own.
                guard identity.key.fingerprint.hex == owner else { return }
                try await EnrollmentCalls.registered(over: http).put(try await Self.statement(key, of: identity))
            }
            Failpoint.reach(.hpkePutAfter)
            count += 1
        }
        return count
    }

    /// Fetches the present epoch of a group, unless it is the one that is known, and checks it.
    ///
    /// It is signed by the Key Authority, or by its successor, which is kept from then on; it is not older than what is
    /// remembered; it is this tenant's and that group's.
    ///
    /// - Returns: nil when it is the known one, or the group has none.
    /// - Throws: `epochRefused` for one that must not be used, `successionRefused` for a Key Authority that is none.
    public func fetchEpoch(
        of group: GroupID, known: CoreHash? = nil
    ) async throws(EnrollmentClientError) -> EpochManifest? {
        let answer = try await connection.call { http, _ async throws(EnrollmentClientError) in
            try await EnrollmentCalls.registered(over: http).presentEpoch(of: group, known: known)
        }
        guard case .manifest(let manifest) = answer else { return nil }
        let record = connection.identity.record
        guard let tenant = TenantID(record.tenant.id), manifest.core.tenant == tenant else {
            throw Self.refused("it is another tenant's")
        }
        let marks = try await onDisk { store throws(IdentityStoreError) in try store.rememberedEpochs() }
        if let mark = marks.first(where: { $0.tenant == tenant && $0.group == group }) {
            do { try manifest.core.check(after: mark) } catch { throw Self.refused(error.detail, error) }
        }
        if !Self.isSigned(manifest, by: try await knownAuthority()) {
            let successor = try await adoptSuccessor()
            guard Self.isSigned(manifest, by: successor) else { throw Self.refused("its signature is not genuine") }
        }
        return manifest
    }

    /// Remembers an epoch that was opened, and erases the HPKE keys that none of the present epochs needs any more.
    ///
    /// - Parameters:
    ///   - core: the epoch.
    ///   - used: the HPKE keys with which the present epochs of all groups were opened.
    public func remember(_ core: EpochCore, openedWith used: [HPKEPublicKey]) async throws(EnrollmentClientError) {
        let mark = core.mark
        try await onDisk { store throws(IdentityStoreError) in
            try store.remember(mark)
            try store.hpkeKeys.retire(before: used)
        }
    }

    /// The private HPKE key to a public one of an epoch; nil when it was erased or never was ours.
    public func hpkeKey(for publicKey: HPKEPublicKey) async throws(EnrollmentClientError) -> HPKEPrivateKey? {
        try await onDisk { store throws(IdentityStoreError) in try store.hpkeKeys.key(for: publicKey) }
    }

    /// The Key Authority of now, as it is kept.
    public func knownAuthority() async throws(EnrollmentClientError) -> KeyAuthorityReference {
        let record = try await onDisk { store throws(IdentityStoreError) in try store.load()?.record }
        return record?.keyAuthority ?? connection.identity.record.keyAuthority
    }

    /// Asks for the tenant's Key Authority, and keeps it if it is the successor of the known one.
    @discardableResult
    public func adoptSuccessor() async throws(EnrollmentClientError) -> KeyAuthorityReference {
        let answer = try await connection.call { http, _ async throws(EnrollmentClientError) in
            try await EnrollmentCalls.registered(over: http).keyAuthority()
        }
        guard let identity = try await onDisk({ store throws(IdentityStoreError) in try store.load() }) else {
            throw Self.refused("this machine is not registered")
        }
        let successor = try KeyAuthorityChain(identity: identity).successor(in: answer)
        guard successor != identity.record.keyAuthority else { return successor }
        try await onDisk { store throws(IdentityStoreError) in try store.adopt(successor) }
        return successor
    }

    private static func digest(_ key: HPKEPublicKey) -> HPKEKeyDigest {
        HPKEKeyDigest(suite: Int(key.suite.rawValue), key: key.rawRepresentation)
    }

    private static func statement(
        _ key: HPKEPrivateKey, of identity: LoadedIdentity
    ) async throws(EnrollmentClientError) -> HPKEKeyStatement {
        guard let tenant = TenantID(identity.record.tenant.id), let member = MemberID(identity.record.connectorID)
        else {
            throw EnrollmentClientError(
                .refused, "The HPKE key cannot be handed in: the identity's ids cannot be used.",
                advice: "Look at identity.json in the state folder.")
        }
        do {
            let signature = try await identity.key.signature(
                for: HPKEKeyStatement.signedBytes(key.publicKey, tenant, member))
            return try HPKEKeyStatement(key: key.publicKey, signature: Array(signature.rawRepresentation))
        } catch {
            throw EnrollmentClientError(
                .refused, "The HPKE key cannot be handed in, since the identity's key does not sign: \(error).",
                advice: "'postern doctor' looks at the key.")
        }
    }

    private static func isSigned(_ manifest: EpochManifest, by authority: KeyAuthorityReference) -> Bool {
        guard let key = try? P256.Signing.PublicKey(pemRepresentation: authority.publicKey) else { return false }
        return (try? manifest.verify(by: key)) != nil
    }

    private static func refused(_ reason: String, _ cause: SealingError? = nil) -> EnrollmentClientError {
        EnrollmentClientError(
            .epochRefused, "The epoch that the tenant has handed out is not accepted: \(reason).",
            advice: (cause.map { "(\($0.code.rawValue)) " } ?? "")
                + "Ask the administrator: a tenant restored from a backup mends it with its next epoch.")
    }

    /// Touches the disk on a thread that may block.
    @discardableResult
    private func onDisk<Value: Sendable>(
        _ work: @escaping @Sendable (FolderIdentityStore) throws(IdentityStoreError) -> Value
    ) async throws(EnrollmentClientError) -> Value {
        let store = store
        do { return try await NIOThreadPool.singleton.runIfActive { try work(store) } } catch {
            let known = error as? IdentityStoreError
            throw EnrollmentClientError(
                .unavailable, known.map { $0.message + "." } ?? "\(error)", advice: known?.remedy ?? "")
        }
    }
}
