internal import Crypto
internal import DurableFiles
internal import Foundation
internal import IdentityStore
public import Logging
public import MachineIdentity
public import RelayFormat
public import RelaySealing

/// The dispatcher of an installation as a member of all groups of all tenants: its identity key and its HPKE keys.
///
/// The identity key is made once (`dispatcher.key`); new HPKE keys are made every day (`dispatcher-hpke.key`), and those
/// before are erased as soon as no present epoch needs them. Both files are as safe as the connector's. A further instance
/// of the dispatcher is a member of its own, with files of its own (`dispatcher-NAME.key`, `dispatcher-hpke-NAME.key`).
public struct DispatcherMembership: Sendable {
    /// After how long the HPKE keys are made anew.
    private static let renewal: TimeInterval = 86400
    private static let retryDelay = Duration.seconds(5)
    private static let interval = Duration.seconds(60)

    /// Who it is.
    public let id: MemberID
    /// With what it signs.
    public let identity: MachineKey
    private let installation: Installation
    private let keys: HPKEKeyFile
    private let logger: Logger
    private let now: @Sendable () -> Date

    /// Opens what the installation has of its dispatcher, and makes what is missing.
    ///
    /// - Parameter instance: whose they are; nil for those of the installation's first dispatcher.
    public static func open(
        _ installation: Installation, instance: DispatcherInstance? = nil, logger: Logger
    ) async throws(EnrollmentServiceError) -> DispatcherMembership {
        try await open(installation, instance: instance, logger: logger, now: { Date() })
    }

    static func open(
        _ installation: Installation, instance: DispatcherInstance? = nil, logger: Logger,
        now: @escaping @Sendable () -> Date
    ) async throws(EnrollmentServiceError) -> DispatcherMembership {
        guard let id = instance?.id ?? MemberID(installation.settings.dispatcherID) else {
            throw EnrollmentServiceError(.unreadable, "installation.json names no dispatcher in “dispatcher_id”.")
        }
        let folder = installation.folder
        let files = files(ofInstance: instance?.name ?? DispatcherInstance.usualName)
        let identity = try await Blocking.run { () throws(EnrollmentServiceError) in
            try Self.identity(in: folder, file: files[0])
        }
        return DispatcherMembership(
            id: id, identity: identity, installation: installation, keys: HPKEKeyFile(files[1], in: folder),
            logger: logger, now: now)
    }

    /// The files of an instance: of its identity key, and of its HPKE keys.
    static func files(ofInstance name: String) -> [String] {
        let end = name == DispatcherInstance.usualName ? ".key" : "-\(name).key"
        return ["dispatcher" + end, "dispatcher-hpke" + end]
    }

    /// The private HPKE key to a public one of an epoch; nil when it was erased or never was ours.
    public func hpkeKey(for publicKey: HPKEPublicKey) async throws -> HPKEPrivateKey? {
        let keys = keys
        return try await Blocking.run { try keys.key(for: publicKey) }
    }

    /// Erases the HPKE keys before those with which the present epochs were opened: all of them, of all groups.
    public func retire(openedWith used: [HPKEPublicKey]) async throws {
        let keys = keys
        try await Blocking.run { try keys.retire(before: used) }
    }

    /// Hands the keys in, new ones every day, until it is cancelled.
    public func run() async {
        while !Task.isCancelled {
            do {
                try await register()
                try? await Task.sleep(for: Self.interval)
            } catch {
                logger.error("The dispatcher's keys cannot be handed in", metadata: ["reason": "\(error)"])
                try? await Task.sleep(for: Self.retryDelay)
            }
        }
    }

    /// Makes the dispatcher a member of all groups, also of tenants that came since, with keys of today.
    public func register() async throws {
        let (keys, moment) = (keys, now())
        let owner = identity.fingerprint.hex
        let present = try await Blocking.run {
            try keys.prepare(for: owner, at: moment, renewAfter: Self.renewal)
        }
        let compressed = Array(identity.publicKey.compressedRepresentation)
        for tenant in try await installation.registry.presentTenants() {
            guard let tenantID = TenantID(tenant.id) else { continue }
            let kept = try present.map { key in
                let statement = try HPKEKeyStatement.make(
                    key.publicKey, tenant: tenantID, member: id, signer: identity.signing)
                return KeptHPKEKey(
                    key: key.publicKey, identityKey: compressed, keyFingerprint: Data(identity.fingerprint.bytes),
                    signature: statement.signature)
            }
            try await TenantScope(registry: installation.registry, tenant: tenant).admitDispatcher(
                id.description, identityKey: compressed, keys: kept, at: moment)
        }
    }

    /// The identity key of an instance, made if it is missing.
    static func identity(
        in folder: StateFolder, file identityFile: String
    ) throws(EnrollmentServiceError) -> MachineKey {
        do {
            _ =
                try folder.read(identityFile) == nil
                ? folder.writeOnce(Array(MachineKey().pem().reveal().utf8), to: identityFile) : false
            guard let content = try folder.read(identityFile) else {
                throw EnrollmentServiceError(.unreadable, "\(folder.path)/\(identityFile) comes and goes.")
            }
            return try MachineKey(pem: String(decoding: content, as: UTF8.self))
        } catch let error as EnrollmentServiceError { throw error } catch let error as IdentityStoreError {
            throw EnrollmentServiceError(.unreadable, "\(error.message). \(error.remedy)")
        } catch {
            throw EnrollmentServiceError(.unreadable, "\(folder.path)/\(identityFile) is no private key: \(error)")
        }
    }
}
