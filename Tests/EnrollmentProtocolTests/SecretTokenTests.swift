import EnrollmentProtocol
import Testing

@Suite struct SecretTokenTests {
    @Test(arguments: SecretToken.Kind.allCases)
    func theTextReadsBack(kind: SecretToken.Kind) throws {
        var generator = SystemRandomNumberGenerator()
        let secret = SecretToken.random(kind, using: &generator)
        let read = try SecretToken(secret.text)
        #expect(secret.text.utf8.count == 62)
        #expect(secret.text.hasPrefix(kind.rawValue + "_"))
        #expect(read.kind == kind)
        #expect(read.bytes == secret.bytes)
    }

    @Test func anyChangedCharacterIsFound() {
        var generator = SystemRandomNumberGenerator()
        let text = Array(SecretToken.random(.apiKey, using: &generator).text)
        for place in text.indices {
            var changed = text
            changed[place] = changed[place] == "a" ? "b" : "a"
            #expect(throws: EnrollmentProtocolError(.malformedSecret, "")) { try SecretToken(String(changed)) }
        }
    }

    @Test(arguments: ["", "_", "psk", "psk_", "psk_aaaa", "xyz_" + String(repeating: "a", count: 58)])
    func otherTextsAreRefused(text: String) {
        #expect(throws: EnrollmentProtocolError(.malformedSecret, "")) { try SecretToken(text) }
    }

    @Test func aSecretIsNotPrinted() {
        var generator = SystemRandomNumberGenerator()
        let secret = SecretToken.random(.administrator, using: &generator)
        #expect("\(secret) \(String(reflecting: secret))" == "*** ***")
    }
}
