import Crypto
import EnrollmentProtocol
import Foundation
import MachineIdentity
import Testing

@Suite("The assertion of a machine without a certificate")
struct ClientAssertionTests {
    @Test("it says who asks whom and until when, and is signed by the key that it names")
    func form() async throws {
        let key = MachineKey()
        let text = try await ClientAssertion.make(
            key: .memory(key), connector: "one", tenantURL: "https://t.example:8443", trustDomain: "t.example",
            now: Date(timeIntervalSince1970: 1000.7), nonce: Array(repeating: 7, count: 16)
        ).reveal()
        let parts = text.split(separator: ".")
        try #require(parts.count == 3)
        func object(_ part: Substring) throws -> [String: Any] {
            let bytes = try #require(Base64URL.decode(part))
            return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        }
        let header = try object(parts[0])
        #expect(header["alg"] as? String == "ES256" && header["kid"] as? String == key.fingerprint.hex)
        let claims = try object(parts[1])
        #expect(claims["iss"] as? String == "one" && claims["sub"] as? String == "one")
        #expect(claims["aud"] as? [String] == ["https://t.example:8443/oauth2/token", "spiffe://t.example"])
        #expect(claims["iat"] as? Int == 1000 && claims["exp"] as? Int == 1120)
        #expect((claims["jti"] as? String)?.count == 22)
        let signature = try P256.Signing.ECDSASignature(rawRepresentation: try #require(Base64URL.decode(parts[2])))
        #expect(key.publicKey.isValidSignature(signature, for: Data((parts[0] + "." + parts[1]).utf8)))
    }
}
