internal import EnrollmentProtocol
internal import Foundation
internal import JWTKit

/// Makes the tokens with which members log in to a Kafka cluster (SASL/OAUTHBEARER): JWTs signed with ES256 that the
/// servers verify by the published keys (KIP-768).
///
/// They are for a cluster alone: whoever takes one there cannot come in at this tenant's port with it.
struct KafkaTokens: Sendable {
    /// For how long a token is good.
    static let life: TimeInterval = 600
    /// For whom it is; the servers' `sasl.oauthbearer.expected.audience`.
    static let audience = "postern-kafka"

    /// What a token says.
    struct Grant: Sendable {
        /// Who its owner is at the cluster.
        let principal: String
        /// The owner's tenant; nil for the installation itself.
        let tenantID: String?
        let role: AccountRole
        let expiresAt: Date
    }

    private struct Claims: JWTPayload {
        var iss: IssuerClaim
        var aud: AudienceClaim
        var sub: SubjectClaim
        var iat: IssuedAtClaim
        var exp: ExpirationClaim
        var scope: String
        var tenant: String?

        func verify(using algorithm: some JWTAlgorithm) throws {}
    }

    private let keyring: TokenKeyring
    private let issuer: String

    /// Signs with the keys of an installation.
    init(keyring: TokenKeyring, issuer: String) {
        self.keyring = keyring
        self.issuer = issuer
    }

    /// Writes a token.
    func mint(_ grant: Grant, now: Date) async throws -> String {
        try await keyring.sign(
            Claims(
                iss: IssuerClaim(value: issuer), aud: AudienceClaim(value: Self.audience),
                sub: SubjectClaim(value: grant.principal), iat: IssuedAtClaim(value: now),
                exp: ExpirationClaim(value: grant.expiresAt), scope: "postern.\(grant.role.rawValue)",
                tenant: grant.tenantID),
            at: now)
    }
}
