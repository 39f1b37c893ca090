internal import CertificateAuthority
internal import Crypto
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

/// The Key Authority's keys: one of each tenant, in a file of its own.
///
/// The registry names the key that counts. After a succession its file has the key's thumbprint in its name, so that no
/// crash leaves a name with another key behind it.
extension Installation {
    /// The Key Authority's private key of a tenant; blocks.
    ///
    /// - Throws: `unreadable` where it is not in the state folder.
    func keyAuthorityKey(of tenant: Tenant) throws -> MachineKey {
        let public256 = try P256.Signing.PublicKey(pemRepresentation: tenant.keyAuthority)
        for file in [Self.successorFile(of: tenant.id, public256), File.keyAuthority(of: tenant.id)] {
            guard let content = try folder.read(file) else { continue }
            guard let key = try? MachineKey(pem: String(decoding: content, as: UTF8.self)) else {
                throw EnrollmentServiceError(
                    .unreadable, "\(folder.path)/\(file) is no private key on P-256 in PEM.")
            }
            if key.publicKey.rawRepresentation == public256.rawRepresentation { return key }
        }
        throw EnrollmentServiceError(
            .unreadable,
            "The Key Authority's key of the tenant “\(tenant.slug)” is not in \(folder.path): restore it from the"
                + " installation's backup.")
    }

    static func successorFile(of tenant: String, _ key: P256.Signing.PublicKey) -> String {
        "key-authority-\(tenant)-\(TokenKey.thumbprint(of: key)).key"
    }
}
