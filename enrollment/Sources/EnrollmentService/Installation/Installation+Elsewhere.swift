internal import CertificateAuthority
internal import Crypto
internal import IdentityStore
internal import KeyAuthority
public import MachineIdentity

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
        /// The dispatcher's identity key, compressed.
        public let dispatcherKey: [UInt8]
        /// The root in DER.
        public let root: [UInt8]
        /// After how many seconds a group gets its next epoch.
        public let epochInterval: Int
        /// How many seconds an epoch lasts at most.
        public let epochLife: Int
    }

    /// What is to be taken along; nothing is changed yet.
    public func authorityToMove(of tenant: Tenant) throws -> MovedAuthority {
        let key = try keyAuthorityKey(of: tenant)
        let rules = settings.epochRules
        return MovedAuthority(
            tenant: tenant, keyFile: Self.successorFile(of: tenant.id, key.publicKey), keyPEM: key.pem(),
            dispatcherKey: Array(try DispatcherMembership.identity(in: folder).publicKey.compressedRepresentation),
            root: authority.rootCertificate, epochInterval: Int(rules.interval.components.seconds),
            epochLife: Int(rules.life.components.seconds))
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
