internal import AuditLog
internal import AuditStore
internal import CertificateAuthority
internal import Crypto
public import EnrollmentProtocol
public import Foundation
internal import IdentityStore
internal import MachineIdentity
internal import RelayFormat
internal import RelaySealing

/// The Key Authority's keys: one of each tenant, in a file of its own.
///
/// The registry names the key that counts. After a succession its file has the key's thumbprint in its name, so that no
/// crash leaves a name with another key behind it.
extension Installation {
    /// What a rotation of the Key Authority did.
    public struct KeyAuthorityRotation: Sendable {
        /// The pin of the key before.
        public let former: Pin
        /// The pin of the key that signs from now on.
        public let present: Pin
        /// The file of the new key.
        public let file: String
        /// Whether the root itself has countersigned, and not the intermediate.
        public let isSignedByRoot: Bool
    }

    /// Gives a tenant's Key Authority its next key; works while the port serves.
    ///
    /// The key before names its successor, and the installation countersigns: with the root's key where it is given, else
    /// with that of the intermediate. Connectors check both, follow by themselves, and forget the key before.
    ///
    /// - Throws: `unreadable` where the present key is not in the state folder; `invalidArgument` for a root's key that
    ///   is not the root's.
    public func rotateKeyAuthority(
        of tenant: Tenant, rootKeyPEM: String?, now: Date
    ) async throws -> KeyAuthorityRotation {
        guard let tenantID = TenantID(tenant.id) else {
            throw EnrollmentServiceError(.registry, "The registry holds a tenant's id of another form.")
        }
        let former = try keyAuthorityKey(of: tenant)
        let (countersigner, certificate) = try countersigner(rootKeyPEM)
        let next = MachineKey()
        let succession = try KeyAuthoritySuccession(
            tenant: tenantID, from: former.signing, to: next.publicKey, at: RelayTime(now),
            root: { try countersigner.signature(over: $0) })
        let file = Self.successorFile(of: tenant.id, next.publicKey)
        // The file comes first: a file without its row harms nobody, a row without its file signs nothing.
        _ = try folder.writeOnce(Array(next.pem().reveal().utf8), to: file)
        let rotation = KeyAuthorityRotation(
            former: Pin(publicKeyDER: former.publicKey.derRepresentation),
            present: Pin(publicKeyDER: next.publicKey.derRepresentation), file: file,
            isSignedByRoot: rootKeyPEM != nil)
        do {
            try await TenantScope(registry: registry, tenant: tenant).succeed(
                succession, authority: certificate, at: now)
        } catch {
            try folder.remove(file)
            throw error
        }
        // What it has signed counts on; it signs nothing more, and so it is of use to a thief alone.
        for old in [Self.successorFile(of: tenant.id, former.publicKey), File.keyAuthority(of: tenant.id)] {
            try folder.remove(old)
        }
        try await audit.record(
            [
                AuditEvent(
                    milliseconds: UInt64(max(0, now.timeIntervalSince1970 * 1000)),
                    actor: .init(kind: "operator"), action: "key-authority.rotate", subject: "key-authority",
                    detail: [
                        "former": rotation.former.description, "present": rotation.present.description,
                        "signed_by": rotation.isSignedByRoot ? "root" : "intermediate",
                    ])
            ], in: tenant.id)
        return rotation
    }

    /// Whoever countersigns a succession, with its certificate in DER.
    private func countersigner(_ rootKeyPEM: String?) throws -> (AuthorityKey, [UInt8]) {
        guard let rootKeyPEM else { return (authority.issuingKey, authority.intermediateCertificate) }
        let key: AuthorityKey
        do { key = try AuthorityKey(pem: rootKeyPEM) } catch {
            throw EnrollmentServiceError(.invalidArgument, "The root's key cannot be used: \(error.message).")
        }
        guard key.isKey(ofCertificate: authority.rootCertificate) else {
            throw EnrollmentServiceError(.invalidArgument, "The root's key is not that of ca.pem.")
        }
        return (key, authority.rootCertificate)
    }

    /// The Key Authority's private key of a tenant; blocks.
    ///
    /// - Throws: `unreadable` where it is not in the state folder.
    func keyAuthorityKey(of tenant: Tenant) throws -> MachineKey {
        let known = try P256.Signing.PublicKey(pemRepresentation: tenant.keyAuthority)
        for file in [Self.successorFile(of: tenant.id, known), File.keyAuthority(of: tenant.id)] {
            guard let content = try folder.read(file) else { continue }
            guard let key = try? MachineKey(pem: String(decoding: content, as: UTF8.self)) else {
                throw EnrollmentServiceError(
                    .unreadable, "\(folder.path)/\(file) is no private key on P-256 in PEM.")
            }
            if key.publicKey.rawRepresentation == known.rawRepresentation { return key }
        }
        throw EnrollmentServiceError(
            .unreadable,
            settings.authoritiesElsewhere?.contains(tenant.id) == true
                ? "The Key Authority of the tenant “\(tenant.slug)” runs elsewhere: bring its key file back into"
                    + " \(folder.path) for this, and move it again afterwards."
                : "The Key Authority's key of the tenant “\(tenant.slug)” is not in \(folder.path): restore it from the"
                    + " installation's backup.")
    }

    /// All files with a key of a tenant's Key Authority.
    func keyAuthorityFiles(of tenant: Tenant) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
            $0.hasPrefix("key-authority-\(tenant.id)") && $0.hasSuffix(".key")
        }
    }

    static func successorFile(of tenant: String, _ key: P256.Signing.PublicKey) -> String {
        "key-authority-\(tenant)-\(TokenKey.thumbprint(of: key)).key"
    }
}
