import Crypto
import EnrollmentProtocol
import Foundation
import MachineIdentity

/// A client assertion that can be made wrong in every part.
struct Assertion: Sendable {
    var algorithm = "ES256"
    var keyID: String?
    var extraHeader: [String: String] = [:]
    var issuer: String?
    var subject: String?
    var audience: [String] = ["https://localhost:8443/oauth2/token"]
    var issuedAt: Date?
    var expiresAt: Date?
    var id: String? = UUID().uuidString

    /// An assertion as it should be.
    init(of machine: Machine, at now: Date) {
        keyID = KeyFingerprint(machine.key.publicKey).hex
        issuer = machine.id
        subject = machine.id
        issuedAt = now
        expiresAt = now.addingTimeInterval(60)
    }

    /// The JWT, signed by a key.
    func text(signedBy key: MachineKey) throws -> String {
        var header: [String: Any] = ["alg": algorithm, "typ": "JWT"]
        header["kid"] = keyID
        header.merge(extraHeader) { $1 }
        var claims: [String: Any] = [:]
        claims["aud"] = audience.count == 1 ? audience[0] : audience
        claims["iss"] = issuer
        claims["sub"] = subject
        claims["iat"] = issuedAt.map { Int($0.timeIntervalSince1970) }
        claims["exp"] = expiresAt.map { Int($0.timeIntervalSince1970) }
        claims["jti"] = id
        let signed = try [header, claims].map { part in
            Base64URL.encode(try JSONSerialization.data(withJSONObject: part))
        }.joined(separator: ".")
        let signature = try key.signing.signature(for: Data(signed.utf8)).rawRepresentation
        return signed + "." + Base64URL.encode(signature)
    }
}
