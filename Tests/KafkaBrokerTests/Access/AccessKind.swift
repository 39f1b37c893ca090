internal import Crypto
internal import Foundation
internal import KafkaBroker
internal import TestTools
internal import Testing

/// How a member proves to the real Kafka who it is, without a password.
enum AccessKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    /// OAUTHBEARER: a JWT whose `sub` is the principal, signed with ES256 by a key that the cluster trusts.
    case tokens
    /// TLS with a certificate whose common name is the principal, from an authority that the cluster trusts.
    case certificates

    var testDescription: String { rawValue }

    /// Where it is reached in this way.
    func bootstrap(of kafka: SecureKafka) throws -> String {
        try kafka.value(self == .tokens ? "oauth" : "mtls")
    }

    /// The way in of a principal.
    ///
    /// - Parameters:
    ///   - lifetime: of its tokens.
    ///   - isForged: whether what it shows comes from somebody whom the cluster does not trust.
    ///   - noteToken: is called with each token that is made.
    func security(
        of principal: String, at kafka: SecureKafka, lifetime: Duration = .seconds(600), isForged: Bool = false,
        noteToken: @escaping @Sendable () -> Void = {}
    ) async throws -> KafkaSecurity {
        let authorities = try String(contentsOfFile: kafka.value("ca"), encoding: .utf8)
        switch self {
        case .tokens:
            let mint = try TokenMint(kafka, isForged: isForged)
            return KafkaSecurity(
                tls: .init(authoritiesPEM: authorities),
                login: .oauthBearer {
                    noteToken()
                    return try mint.token(for: principal, living: lifetime)
                })
        case .certificates:
            let certificate = try await Self.certificate(for: principal, by: kafka, isForged: isForged)
            return KafkaSecurity(tls: .init(authoritiesPEM: authorities, certificate: certificate))
        }
    }

    private static func certificate(
        for principal: String, by kafka: SecureKafka, isForged: Bool
    ) async throws -> KafkaSecurity.Certificate {
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        var (authority, key) = (try kafka.value("client-ca"), try kafka.value("client-ca-key"))
        if isForged {
            try await openssl.run(
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=nobody",
                "-keyout", "forged.key", "-out", "forged.pem")
            (authority, key) = ("forged.pem", "forged.key")
        }
        try await openssl.run(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(principal)",
            "-keyout", "own.key", "-out", "own.csr")
        try openssl.write("extendedKeyUsage=clientAuth\n", to: "usage")
        try await openssl.run(
            "x509", "-req", "-in", "own.csr", "-CA", authority, "-CAkey", key, "-set_serial",
            "\(UInt32.random(in: 1 ... .max))", "-days", "2", "-extfile", "usage", "-out", "own.pem")
        return .init(chainPEM: try openssl.read("own.pem"), keyPEM: try openssl.read("own.key"))
    }
}

/// Makes tokens in the name of an issuer that the cluster trusts.
private struct TokenMint: Sendable {
    private let key: P256.Signing.PrivateKey
    private let keyID: String
    private let issuer: String
    private let audience: String

    init(_ kafka: SecureKafka, isForged: Bool) throws {
        let given = try String(contentsOfFile: kafka.value("oauth-key"), encoding: .utf8)
        key = isForged ? P256.Signing.PrivateKey() : try P256.Signing.PrivateKey(pemRepresentation: given)
        keyID = try kafka.value("oauth-kid")
        issuer = try kafka.value("issuer")
        audience = try kafka.value("audience")
    }

    func token(for principal: String, living lifetime: Duration) throws -> KafkaSecurity.Token {
        let now = Int64(Date().timeIntervalSince1970)
        let end = now + lifetime.components.seconds
        let header = Data(#"{"alg":"ES256","kid":"\#(keyID)","typ":"JWT"}"#.utf8)
        let claims = Data(
            #"{"iss":"\#(issuer)","aud":"\#(audience)","sub":"\#(principal)","iat":\#(now),"exp":\#(end)}"#.utf8)
        let text = "\(header.base64URL).\(claims.base64URL)"
        let signature = try key.signature(for: Data(text.utf8)).rawRepresentation
        return .init(value: "\(text).\(signature.base64URL)", principal: principal, expiresAt: end * 1000)
    }
}

extension Data {
    /// Base 64 as JOSE writes it (RFC 7515 section 2).
    fileprivate var base64URL: String {
        base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
