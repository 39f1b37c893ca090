internal import Crypto
internal import EnrollmentProtocol
internal import Foundation
internal import MachineIdentity

/// A signed statement by which a connector proves its key where its certificate cannot be shown (RFC 7523 section 2.2).
///
/// Reading checks all that the assertion itself tells: its form, algorithm, audience and times. Whose key it is, and
/// whether the signature is by that key, comes after.
struct PresentedAssertion: Sendable {
    private static let longest = 8192
    private static let algorithm = "ES256"
    /// By how many seconds a connector's clock may be ahead.
    private static let leeway: TimeInterval = 60

    private struct Header: Decodable {
        var alg: String
        var kid: String?
        var crit: [String]?
    }

    private struct Claims: Decodable {
        var iss: String?
        var sub: String?
        var aud: Audience?
        var exp: Double?
        var iat: Double?
        var nbf: Double?
        var jti: String?
    }

    /// One name or several (RFC 7519 section 4.1.3).
    private struct Audience: Decodable {
        var names: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            names = try (try? [container.decode(String.self)]) ?? container.decode([String].self)
        }
    }

    /// Whose assertion it says to be.
    let connectorID: String
    /// The key that it says to be signed by.
    let key: KeyFingerprint
    /// Its name, which may be used once.
    let id: String
    /// Until when it is good.
    let expiresAt: Date
    private let signed: [UInt8]
    private let signature: [UInt8]

    /// Reads an assertion.
    ///
    /// - Parameter audiences: the names of this tenant, one of which must be its audience.
    init(_ text: String, audiences: [String], at now: Date) throws(AccessTokenRefusal) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= Self.longest, parts.count == 3,
            let header = Self.decode(Header.self, parts[0]), let claims = Self.decode(Claims.self, parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { throw AccessTokenRefusal(.invalidClient, "The client assertion is no signed JWT.") }
        guard header.alg == Self.algorithm else {
            throw AccessTokenRefusal(.invalidClient, "The client assertion must be signed with \(Self.algorithm).")
        }
        guard header.crit == nil, let kid = header.kid, kid.utf8.count == 64, let key = try? KeyFingerprint(kid),
            key.hex == kid
        else {
            throw AccessTokenRefusal(
                .invalidClient,
                "The client assertion needs a “kid”: the SHA-256 of the public key, 64 lower-case hexadecimal digits.")
        }
        guard let subject = claims.sub, claims.iss == subject, RegistryID.isValid(subject) else {
            throw AccessTokenRefusal(
                .invalidClient, "“iss” and “sub” of the client assertion must be the connector's id.")
        }
        guard let names = claims.aud?.names, names.contains(where: audiences.contains) else {
            throw AccessTokenRefusal(
                .invalidClient, "“aud” of the client assertion must be \(audiences.joined(separator: " or ")).")
        }
        guard let id = claims.jti, (16...128).contains(id.utf8.count) else {
            throw AccessTokenRefusal(.invalidClient, "“jti” of the client assertion needs 16 to 128 characters.")
        }
        expiresAt = try Self.end(of: claims, at: now)
        connectorID = subject
        self.key = key
        self.id = id
        signed = Array((parts[0] + "." + parts[1]).utf8)
        self.signature = signature
    }

    /// Whether the key, in its 65-byte form, has signed it.
    func isSigned(by publicKey: [UInt8]) -> Bool {
        guard let key = try? P256.Signing.PublicKey(x963Representation: publicKey),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return key.isValidSignature(signature, for: SHA256.hash(data: signed))
    }

    private static func end(of claims: Claims, at now: Date) throws(AccessTokenRefusal) -> Date {
        let present = now.timeIntervalSince1970
        guard let end = claims.exp, let made = claims.iat, end.isFinite, made.isFinite else {
            throw AccessTokenRefusal(.invalidClient, "The client assertion needs “exp” and “iat”.")
        }
        let clock = "the tenant's clock says \(RFC3339.text(of: now))"
        guard end > present else {
            throw AccessTokenRefusal(.invalidClient, "The client assertion has ended; \(clock).")
        }
        guard end <= present + Double(AccessTokenForm.longestAssertion) else {
            throw AccessTokenRefusal(
                .invalidClient,
                "“exp” of the client assertion is more than \(AccessTokenForm.longestAssertion) seconds ahead; \(clock)."
            )
        }
        guard max(made, claims.nbf ?? made) <= present + leeway else {
            throw AccessTokenRefusal(.invalidClient, "The client assertion is of the future; \(clock).")
        }
        return Date(timeIntervalSince1970: end)
    }

    private static func decode<Part: Decodable>(_ type: Part.Type, _ text: Substring) -> Part? {
        Base64URL.decode(text).flatMap { try? JSONDecoder().decode(type, from: Data($0)) }
    }
}
