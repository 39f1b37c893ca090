import Foundation
import MachineIdentity
import Testing

@Suite struct SecretTests {
    @Test func aSecretPrintsAsStarsWhereverItStands() {
        struct Holder { let password = Secret("hunter2") }
        var dumped = ""
        dump(Holder(), to: &dumped)
        #expect("\(Holder())\(String(reflecting: Holder()))\(dumped)".contains("hunter2") == false)
        #expect("\(Secret("hunter2"))" == "***")
    }

    @Test func aMachineKeyPrintsAsStars() {
        let key = MachineKey()
        var dumped = ""
        dump(key, to: &dumped)
        #expect("\(key) \(String(reflecting: key))" == "*** ***")
        #expect(!dumped.contains("P256"))
    }

    @Test func secretsAreEqualByValueAndTravelAsTheirText() throws {
        #expect(Secret("a") == Secret("a") && Secret("a") != Secret("b"))
        #expect(String(decoding: try JSONEncoder().encode([Secret("a")]), as: UTF8.self) == "[\"a\"]")
    }

    @Test func base64URLAgreesWithFoundation() {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ length) }
            let text = Base64URL.encode(bytes)
            let expected = Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                .replacing("=", with: "")
            #expect(text == expected)
            #expect(Base64URL.decode(text) == bytes)
        }
        #expect(Base64URL.decode("A") == nil && Base64URL.decode("AB") == nil && Base64URL.decode("AA==") == nil)
    }
}
