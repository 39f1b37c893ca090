internal import Crypto
internal import EnrollmentProtocol
public import Foundation
internal import JWTKit

/// Makes and checks queue credentials: JWTs signed with ES256 (RFC 7519), bound to the key of their member (RFC 7800).
public struct QueueTokens: Sendable {
    /// For how long a credential is good.
    public static let life: TimeInterval = 900
    private static let audience = "postern-link"

    /// What a credential says.
    public struct Grant: Sendable, Equatable {
        /// The tenant's id.
        public var tenantID: String
        /// The member's id.
        public var memberID: String
        /// `connector` or `dispatcher`.
        public var role: String
        /// The ids of the groups whose queues it opens.
        public var groupIDs: [String]
        /// The process for which it was given out.
        public var bootID: String
        /// The number of that process start.
        public var bootNumber: Int64
        /// The SHA-256 of the member's public key, hex, which the proof at the link must fit.
        public var keyFingerprint: String
        /// When it ends.
        public var expiresAt: Date

        /// Makes a grant.
        public init(
            tenantID: String, memberID: String, role: String, groupIDs: [String], bootID: String, bootNumber: Int64,
            keyFingerprint: String, expiresAt: Date
        ) {
            self.tenantID = tenantID
            self.memberID = memberID
            self.role = role
            self.groupIDs = groupIDs
            self.bootID = bootID
            self.bootNumber = bootNumber
            self.keyFingerprint = keyFingerprint
            self.expiresAt = expiresAt
        }
    }

    private struct Claims: JWTPayload {
        struct Confirmation: Codable {
            var key: String
            enum CodingKeys: String, CodingKey { case key = "spki#S256" }
        }

        var iss: IssuerClaim
        var aud: AudienceClaim
        var sub: SubjectClaim
        var iat: IssuedAtClaim
        var exp: ExpirationClaim
        var tenant: String
        var role: String
        var groups: [String]
        var boot: String
        var number: Int64
        var confirmation: Confirmation

        enum CodingKeys: String, CodingKey {
            case iss, aud, sub, iat, exp, tenant, role, groups, boot
            case number = "boot_number"
            case confirmation = "cnf"
        }

        func verify(using algorithm: some JWTAlgorithm) throws {
            try aud.verifyIntendedAudience(includes: QueueTokens.audience)
        }
    }

    private let keyring: TokenKeyring
    private let issuer: String

    /// Signs and checks with the keys of an installation.
    init(keyring: TokenKeyring, issuer: String) {
        self.keyring = keyring
        self.issuer = issuer
    }

    /// The keys that others may verify credentials with, the newest first.
    func published(at now: Date) async throws -> [TokenKey] { try await keyring.published(at: now) }

    /// Writes a credential.
    func mint(_ grant: Grant, now: Date) async throws -> String {
        try await keyring.sign(
            Claims(
                iss: IssuerClaim(value: issuer), aud: AudienceClaim(value: Self.audience),
                sub: SubjectClaim(value: grant.memberID), iat: IssuedAtClaim(value: now),
                exp: ExpirationClaim(value: grant.expiresAt), tenant: grant.tenantID, role: grant.role,
                groups: grant.groupIDs, boot: grant.bootID, number: grant.bootNumber,
                confirmation: .init(key: grant.keyFingerprint)), at: now)
    }

    /// Reads a credential and checks signature, audience, issuer and end.
    ///
    /// - Throws: `invalidCredential` or `expiredCredential`; `registry` where the keys cannot be read now.
    func read(_ token: String, now: Date) async throws(EnrollmentServiceError) -> Grant {
        let keys: JWTKeyCollection
        do { keys = try await keyring.verifiers(at: now) } catch {
            throw EnrollmentServiceError(.registry, "The registry cannot be read: \(error)")
        }
        let claims: Claims
        do {
            // A credential from before keys had names is tried with each of them.
            claims = try await keys.verify(token, as: Claims.self, iteratingKeys: true)
        } catch {
            throw EnrollmentServiceError(.invalidCredential, "The queue credential is not genuine.")
        }
        guard claims.iss.value == issuer else {
            throw EnrollmentServiceError(.invalidCredential, "The queue credential is of another installation.")
        }
        guard claims.exp.value > now else {
            throw EnrollmentServiceError(.expiredCredential, "The queue credential has ended.")
        }
        return Grant(
            tenantID: claims.tenant, memberID: claims.sub.value, role: claims.role, groupIDs: claims.groups,
            bootID: claims.boot, bootNumber: claims.number, keyFingerprint: claims.confirmation.key,
            expiresAt: claims.exp.value)
    }

    /// Checks the proof that a member gives at the link: a signature of its identity key over nonce and token.
    ///
    /// - Parameter publicKey: the certified key, in its 65-byte form.
    /// - Throws: `invalidCredential`.
    static func checkProof(
        _ proof: [UInt8], nonce: [UInt8], token: String, publicKey: [UInt8]
    ) throws(EnrollmentServiceError) {
        guard let key = try? P256.Signing.PublicKey(x963Representation: publicKey),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: proof),
            key.isValidSignature(signature, for: LinkProof.bytes(nonce: nonce, token: token))
        else {
            throw EnrollmentServiceError(.invalidCredential, "The proof does not fit the credential's key.")
        }
    }
}
