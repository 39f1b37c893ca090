import EnrollmentProtocol
import Foundation
import Testing

@Suite struct EnrollmentJSONTests {
    private static func error(_ json: String) -> EnrollmentProtocolError? {
        do {
            _ = try EnrollmentJSON.decodeStrictly(AccountRequest.self, from: Data(json.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test func aRequestReadsBack() throws {
        let request = APIKeyRequest(name: "app", scopes: [.call], groups: ["a"], services: nil, expiresIn: 60)
        let data = try EnrollmentJSON.encode(request)
        #expect(try EnrollmentJSON.decodeStrictly(APIKeyRequest.self, from: data) == request)
        #expect(String(decoding: data, as: UTF8.self).contains(#""expires_in":60"#))
    }

    @Test func everyMillisecondIsReadBackAsItWasWritten() throws {
        for offset in 0..<3000 {
            let milliseconds = 1_795_270_000_000 + Double(offset)
            let text = RFC3339.text(of: Date(timeIntervalSince1970: milliseconds / 1000))
            let read = try #require(RFC3339.date(from: text))
            #expect((read.timeIntervalSince1970 * 1000).rounded() == milliseconds, "\(text)")
        }
    }

    @Test func anUnknownFieldIsNamed() {
        let found = Self.error(#"{"name":"a","administrator":true}"#)
        #expect(found?.code == .unknownField)
        #expect(found?.field == "administrator")
    }

    @Test(arguments: [
        (#"{}"#, "name"), (#"{"name":1}"#, "name"), (#"{"name":null}"#, "name"),
        (#"{"name":"a","role":"king"}"#, "role"),
        (#"{"name":"a","groups":["b",1]}"#, "groups.1"),
    ])
    func theFieldAtFaultIsNamed(json: String, field: String) {
        #expect(Self.error(json)?.code == .invalidField)
        #expect(Self.error(json)?.field == field)
    }

    @Test(arguments: ["", "{", "[]", "null", "\"name\"", "{\"name\":\"a\"}x", "\u{0}"])
    func whatIsNoObjectIsRefused(json: String) {
        #expect(Self.error(json)?.code == .malformedJSON)
    }

    @Test func anAnswerMayHaveFieldsThatAReaderDoesNotKnow() throws {
        let json = #"{"nonce":"n","expires_at":"2026-01-02T03:04:05Z","new":1}"#
        let answer = try EnrollmentJSON.decode(NonceAnswer.self, from: Data(json.utf8))
        #expect(answer.expiresAt == Date(timeIntervalSince1970: 1_767_323_045))
    }

    @Test(arguments: [("2026-01-02T03:04:05Z", 1_767_323_045.0), ("2026-01-02T03:04:05.250Z", 1_767_323_045.25)])
    func timesAreRFC3339(text: String, seconds: Double) throws {
        #expect(RFC3339.text(of: Date(timeIntervalSince1970: seconds)) == text)
        let read = try #require(RFC3339.date(from: text))
        #expect(abs(read.timeIntervalSince1970 - seconds) < 0.001)
    }

    @Test func aPinReadsBackInOneSpellingAlone() throws {
        let pin = Pin(publicKeyDER: [1, 2, 3])
        #expect(Pin(pin.description) == pin)
        #expect(Pin(pin.description.uppercased()) == nil)
        #expect(Pin(pin.description.dropLast()) == nil)
        #expect(Pin(pin.description.dropLast(2) + "-0") == nil)
    }

    @Test func base32ReadsBackAndRefusesOtherSpellings() {
        for length in 0..<40 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            #expect(Base32.bytes(of: Base32.text(of: bytes)) == bytes)
        }
        for text in ["a", "aaa", "ab", "A", "1", "a="] { #expect(Base32.bytes(of: text) == nil) }
    }
}
