internal import Crypto
public import Foundation
public import MachineIdentity

/// By what a machine proves itself without a client certificate: a JWT signed with its key (RFC 7523 section 2.2).
public enum ClientAssertion {
    /// How many seconds it is good for; the tenant takes five minutes at most.
    public static let life = 120

    private struct Header: Encodable {
        let alg = "ES256"
        let typ = "JWT"
        let kid: String
    }

    private struct Claims: Encodable {
        let iss: String
        let sub: String
        let aud: [String]
        let iat: Int
        let exp: Int
        let jti: String
    }

    /// Writes an assertion.
    ///
    /// - Parameters:
    ///   - key: the key of the machine's certificate.
    ///   - connector: the connector's id.
    ///   - tenantURL: `https://host[:port]`, as the machine knows it.
    ///   - trustDomain: the installation in the certificate's name.
    ///   - now: the tenant's time.
    ///   - nonce: random bytes, never used before.
    /// - Throws: `HeldKeyFailure` where something else holds the key.
    public static func make(
        key: IdentityKey, connector: String, tenantURL: String, trustDomain: String, now: Date, nonce: [UInt8]
    ) async throws -> Secret {
        let issued = Int(now.timeIntervalSince1970)
        let claims = Claims(
            // The tenant may know itself by another URL, but not by another trust domain.
            iss: connector, sub: connector, aud: [tenantURL + APIPath.accessTokens, "spiffe://" + trustDomain],
            iat: issued,
            exp: issued + life, jti: Base64URL.encode(nonce))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = [
            Base64URL.encode(try encoder.encode(Header(kid: key.fingerprint.hex))),
            Base64URL.encode(try encoder.encode(claims)),
        ].joined(separator: ".")
        let signature = try await key.signature(for: Array(text.utf8))
        return Secret(text + "." + Base64URL.encode(signature.rawRepresentation))
    }
}
