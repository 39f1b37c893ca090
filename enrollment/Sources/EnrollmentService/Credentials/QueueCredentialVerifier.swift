internal import Crypto
internal import EnrollmentProtocol
public import Foundation
internal import MachineIdentity

/// Decides who comes in at the link: by the credential, the proof of its key, and the registry's present state.
public struct QueueCredentialVerifier: Sendable {
    /// By how many seconds a credential may be from the future, since several machines may issue.
    private static let tolerance: Int64 = 60

    let registry: Registry
    let signer: CredentialSigner

    /// Verifies a credential.
    ///
    /// Throws `invalidCredential`, `expiredCredential` or `revokedCredential`, which are final for this credential, or
    /// `registry`, after which another try may succeed.
    ///
    /// - Parameters:
    ///   - proof: the signature over `LinkProof.bytes` by the member's identity key: r and s, 64 bytes.
    ///   - nonce: what the link gave out for this connection.
    public func verify(
        token: String, proof: [UInt8], nonce: [UInt8], at now: Date
    ) async throws(EnrollmentServiceError) -> QueuePrincipal {
        do {
            return try await principal(token: token, proof: proof, nonce: nonce, at: now)
        } catch let error as EnrollmentServiceError {
            throw error
        } catch {
            throw EnrollmentServiceError(.registry, "The registry cannot be read: \(error)")
        }
    }

    private func principal(token: String, proof: [UInt8], nonce: [UInt8], at now: Date) async throws -> QueuePrincipal {
        let claims = try await signer.read(token)
        let seconds = Int64(now.timeIntervalSince1970)
        guard claims.expiresAt > seconds else {
            throw EnrollmentServiceError(.expiredCredential, "The queue credential has expired; fetch the next one.")
        }
        guard claims.issuedAt <= seconds + Self.tolerance else {
            throw EnrollmentServiceError(.invalidCredential, "The queue credential is from the future.")
        }
        let (key, groups) = try await holder(of: claims, at: now)
        guard KeyThumbprint.text(of: key) == claims.confirmation.thumbprint else {
            throw EnrollmentServiceError(.invalidCredential, "The queue credential was made for another key.")
        }
        guard proof.count == 64, let signature = try? P256.Signing.ECDSASignature(rawRepresentation: proof),
            key.isValidSignature(signature, for: LinkProof.bytes(nonce: nonce, token: token))
        else {
            throw EnrollmentServiceError(.invalidCredential, "The proof is not a signature of the link's nonce by the key.")
        }
        return QueuePrincipal(
            tenant: TenantReference(id: claims.tenant, slug: claims.tenantSlug), memberID: claims.member,
            role: claims.role, groups: groups, bootID: claims.boot, bootNumber: claims.bootNumber,
            expiresAt: Date(timeIntervalSince1970: TimeInterval(claims.expiresAt)))
    }

    /// The key that has to sign, and the groups: for a registered member as the registry has them now.
    private func holder(
        of claims: QueueCredentialClaims, at now: Date
    ) async throws -> (P256.Signing.PublicKey, [String]) {
        if let text = claims.confirmation.key {
            guard claims.role == .dispatcher, let bytes = Base64URL.decode(text),
                let key = try? P256.Signing.PublicKey(x963Representation: bytes)
            else { throw EnrollmentServiceError(.invalidCredential, "The queue credential names no usable key.") }
            return (key, claims.groups)
        }
        guard let member = try await registry.member(id: claims.member, tenant: claims.tenant) else {
            throw EnrollmentServiceError(.invalidCredential, "The member of the queue credential is not registered.")
        }
        guard !member.isRevoked else {
            throw EnrollmentServiceError(.revokedCredential, "The connector \(member.id) is revoked.")
        }
        guard member.notAfter > now else {
            throw EnrollmentServiceError(.expiredCredential, "The certificate of \(member.id) has expired.")
        }
        return (try P256.Signing.PublicKey(x963Representation: member.publicKey), member.groups.map(\.id))
    }
}
