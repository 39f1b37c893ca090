import Dispatcher
import Foundation
import TestTools
import Testing

@Suite("Signatures of webhooks")
struct WebhookSecretTests {
    @Test("the signature is the one of Standard Webhooks")
    func vector() throws {
        let secret = try #require(WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let signature = secret.signature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: Array(#"{"test": 2432232314}"#.utf8))
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test("openssl computes the same")
    func openssl() async throws {
        let tool = try OpenSSL()
        defer { tool.remove() }
        let key = (0..<32).map { UInt8($0 * 7 % 251) }
        let secret = try #require(WebhookSecret("whsec_" + Data(key).base64EncodedString()))
        let body = "{\"grüße\":\"\\u0000\"}\n"
        try tool.write("msg_1.1700000000." + body, to: "signed")
        let hex = key.map { String(format: "%02x", $0) }.joined()
        try await tool.run(
            "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:\(hex)", "-binary", "-out", "mac", "signed")
        let mac = try Data(contentsOf: tool.folder.appending(path: "mac"))
        let signature = secret.signature(id: "msg_1", timestamp: 1_700_000_000, body: Array(body.utf8))
        #expect(signature == "v1," + mac.base64EncodedString())
    }

    @Test(
        "what is no secret is refused",
        arguments: ["", "whsec_", "whsec_%%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ="])
    func malformed(text: String) {
        #expect(WebhookSecret(text) == nil)
    }

    @Test("a secret does not show itself")
    func description() throws {
        let secret = try #require(WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        #expect("\(secret)" == "whsec_…")
    }
}
