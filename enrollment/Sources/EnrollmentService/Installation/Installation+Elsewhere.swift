internal import CertificateAuthority
internal import Crypto
internal import DurableFiles
internal import IdentityStore
internal import KeyAuthority
public import MachineIdentity
internal import RelayFormat

/// A Key Authority that moves to a machine of its own.
extension Installation {
    /// What a Key Authority elsewhere has to know.
    public struct MovedAuthority: Sendable {
        /// The tenant.
        public let tenant: Tenant
        /// The name of the key's file, here and there.
        public let keyFile: String
        /// The key in PEM.
        public let keyPEM: Secret
        /// The identity keys of the dispatchers, compressed, by their ids.
        public let dispatcherKeys: [String: [UInt8]]
        /// The root in DER.
        public let root: [UInt8]
        /// After how many seconds a group gets its next epoch.
        public let epochInterval: Int
        /// How many seconds an epoch lasts at most.
        public let epochLife: Int
    }

    /// What is to be taken along; nothing is changed yet.
    public func authorityToMove(of tenant: Tenant) async throws -> MovedAuthority {
        let key = try keyAuthorityKey(of: tenant)
        let rules = settings.epochRules
        return MovedAuthority(
            tenant: tenant, keyFile: Self.successorFile(of: tenant.id, key.publicKey), keyPEM: key.pem(),
            dispatcherKeys: try await dispatcherKeys(),
            root: authority.rootCertificate, epochInterval: Int(rules.interval.components.seconds),
            epochLife: Int(rules.life.components.seconds))
    }

    /// The identity keys of the dispatchers that are in the register, compressed, by their ids; the first one is always,
    /// unless it was removed.
    public func dispatcherKeys() async throws -> [String: [UInt8]] {
        let instances = try await registry.instances()
        var names = Dictionary(
            uniqueKeysWithValues: instances.filter { $0.removedAt == nil }.map { ($0.id.description, $0.name) })
        if !instances.contains(where: { $0.name == DispatcherInstance.usualName }) {
            names[settings.dispatcherID] = DispatcherInstance.usualName
        }
        let present = names
        let folder = folder
        return try await Blocking.run { () throws(EnrollmentServiceError) in
            var keys: [String: [UInt8]] = [:]
            for (id, name) in present {
                let file = DispatcherMembership.files(ofInstance: name)[0]
                let key = try DispatcherMembership.identity(in: folder, file: file)
                keys[id] = Array(key.publicKey.compressedRepresentation)
            }
            return keys
        }
    }

    /// Notes that the Key Authority of a tenant is elsewhere, and erases its key here.
    ///
    /// A kill in between leaves a key that is of no use here, and is erased when this is done again.
    public func releaseAuthority(of tenant: Tenant) throws {
        var settings = settings
        settings.authoritiesElsewhere = Array(Set(settings.authoritiesElsewhere ?? []).union([tenant.id])).sorted()
        try Self.write(settings, to: folder)
        for name in try keyAuthorityFiles(of: tenant) { try folder.remove(name) }
    }
}
