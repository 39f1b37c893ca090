internal import EnrollmentProtocol
internal import Foundation
internal import MachineIdentity

/// Decides who comes in at the link: by the credential, the proof of its key, and the registry's present state.
struct QueueCredentialVerifier: Sendable {
    let registry: Registry
    let tokens: QueueTokens

    /// Throws `invalidCredential`, `expiredCredential`, `revokedCredential` or `replacedBoot`, which are final for this
    /// credential, or `frozenMember` or `registry`, after which another try may succeed.
    func verify(
        token: String, proof: [UInt8], nonce: [UInt8], at now: Date
    ) async throws(EnrollmentServiceError) -> QueuePrincipal {
        let grant = try await tokens.read(token, now: now)
        guard let key = try? KeyFingerprint(grant.keyFingerprint) else {
            throw EnrollmentServiceError(.invalidCredential, "The queue credential names no key.")
        }
        let found: MemberRecord?
        do { found = try await registry.member(id: grant.memberID, key: key) } catch {
            throw EnrollmentServiceError(.registry, "The registry cannot be read: \(error)")
        }
        guard let member = found, member.tenant.id == grant.tenantID, member.role.rawValue == grant.role else {
            throw EnrollmentServiceError(.invalidCredential, "The member of the queue credential is not registered.")
        }
        guard !member.isRevoked else {
            throw EnrollmentServiceError(.revokedCredential, "The \(member.role.rawValue) \(member.id) is revoked.")
        }
        guard !member.isFrozen else {
            throw EnrollmentServiceError(.frozenMember, "The \(member.role.rawValue) \(member.id) is frozen.")
        }
        guard member.notAfter > now else {
            throw EnrollmentServiceError(.expiredCredential, "The certificate of \(member.id) has expired.")
        }
        guard !member.isSuperseded else {
            throw EnrollmentServiceError(
                .invalidCredential, "The queue credential was made for a key that a newer one has taken the place of.")
        }
        try await requireNewest(grant)
        try QueueTokens.checkProof(proof, nonce: nonce, token: token, publicKey: member.publicKey)
        return QueuePrincipal(
            tenant: member.tenant.reference, memberID: member.id, role: member.role, groups: member.groups,
            bootID: grant.bootID, bootNumber: grant.bootNumber, expiresAt: min(grant.expiresAt, member.notAfter))
    }

    /// Refuses a process that has a newer one beside it; an observer, whose number is 0, takes no place.
    private func requireNewest(_ grant: QueueTokens.Grant) async throws(EnrollmentServiceError) {
        guard grant.bootNumber > 0 else { return }
        let newest: Int64
        do { newest = try await registry.newestBoot(of: grant.memberID, tenant: grant.tenantID) } catch {
            throw EnrollmentServiceError(.registry, "The registry cannot be read: \(error)")
        }
        guard grant.bootNumber >= newest else {
            throw EnrollmentServiceError(
                .replacedBoot, "This is start \(grant.bootNumber) of the connector, and start \(newest) has come since."
            )
        }
    }
}
