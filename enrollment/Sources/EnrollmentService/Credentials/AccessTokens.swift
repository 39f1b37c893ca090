internal import EnrollmentProtocol
internal import Foundation
internal import JWTKit
internal import MachineIdentity

/// Makes and checks access tokens: JWTs signed with ES256 that stand for a client certificate for some minutes.
///
/// The same key signs queue credentials; the audience tells them apart.
struct AccessTokens: Sendable {
    /// For how many seconds a token is good.
    static let life = 300
    private static let audience = "postern-api"
    private static let type = "at+jwt"

    /// What a token says.
    struct Grant: Sendable, Equatable {
        let connectorID: String
        let tenantID: String
        /// The key whose assertion it was given out for, and so the certificate that it stands for.
        let key: KeyFingerprint
        let scope: AccessScope
        let expiresAt: Date
    }

    private struct Claims: JWTPayload {
        var iss: IssuerClaim
        var aud: AudienceClaim
        var sub: SubjectClaim
        var iat: IssuedAtClaim
        var exp: ExpirationClaim
        var tenant: String
        var key: String
        var scope: AccessScope

        func verify(using algorithm: some JWTAlgorithm) throws {
            try aud.verifyIntendedAudience(includes: AccessTokens.audience)
        }
    }

    private let keyring: TokenKeyring
    private let issuer: String

    /// Signs and checks with the keys of an installation.
    init(keyring: TokenKeyring, issuer: String) {
        self.keyring = keyring
        self.issuer = issuer
    }

    /// Writes a token.
    func mint(_ grant: Grant, now: Date) async throws -> String {
        try await keyring.sign(
            Claims(
                iss: IssuerClaim(value: issuer), aud: AudienceClaim(value: Self.audience),
                sub: SubjectClaim(value: grant.connectorID), iat: IssuedAtClaim(value: now),
                exp: ExpirationClaim(value: grant.expiresAt), tenant: grant.tenantID, key: grant.key.hex,
                scope: grant.scope),
            as: Self.type, at: now)
    }

    /// Reads a token and checks signature, audience, issuer and end.
    func read(_ token: String, now: Date) async throws(Refusal) -> Grant {
        guard let keys = try? await keyring.verifiers(at: now) else {
            throw Refusal(.notReady, "The keys of access tokens cannot be read now.")
        }
        guard let claims = try? await keys.verify(token, as: Claims.self, iteratingKeys: true),
            claims.iss.value == issuer,
            let key = try? KeyFingerprint(claims.key)
        else { throw Refusal.invalidCredentials }
        guard claims.exp.value > now else {
            throw Refusal(
                .invalidCredentials, "The access token has ended; get another one at \(APIPath.accessTokens).")
        }
        return Grant(
            connectorID: claims.sub.value, tenantID: claims.tenant, key: key, scope: claims.scope,
            expiresAt: claims.exp.value)
    }
}
