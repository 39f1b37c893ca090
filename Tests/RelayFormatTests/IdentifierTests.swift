import RelayFormat
import TestTools
import Testing

@Suite("Identifiers")
struct IdentifierTests {
    @Test("the text form is 26 characters of lower-case base32 and leads back")
    func roundTrip() {
        var generator = SplitMix(seed: 1)
        for _ in 0..<2_000 {
            let identifier = RequestID.random(using: &generator)
            let text = identifier.description
            #expect(text.utf8.count == 26)
            #expect(text.allSatisfy { ("a"..."z").contains($0) || ("2"..."7").contains($0) })
            #expect(RequestID(text) == identifier)
        }
    }

    @Test("the text form is that of RFC 4648")
    func knownText() {
        let bytes = TenantID(high: 0x666f_6f62_6172_666f, low: 0x6f62_6172_666f_6f62)
        #expect("\(bytes)" == "mzxw6ytbojtg633cmfzgm33pmi")
        #expect("\(TenantID.none)" == String(repeating: "a", count: 26))
        #expect("\(TenantID(high: .max, low: .max))" == String(repeating: "7", count: 25) + "4")
        #expect(TenantID(String(repeating: "7", count: 25) + "4") == TenantID(high: .max, low: .max))
    }

    @Test(
        "other text is refused",
        arguments: [
            "", "a", String(repeating: "a", count: 25), String(repeating: "a", count: 27),
            "MZXW6YTBOJTG633CMFZGM33PMI", "mzxw6ytbojtg633cmfzgm33pm=", "mzxw6ytbojtg633cmfzgm33pm1",
            "mzxw6ytbojtg633cmfzgm33pm0", "mzxw6ytbojtg633cmfzgm33pm8", " zxw6ytbojtg633cmfzgm33pmi",
            "mzxw6ytbojtg633cmfzgm33pé", "mzxw6ytbojtg633cmfzgm33pm\0",
        ])
    func refused(text: String) {
        #expect(TenantID(text) == nil)
    }

    @Test("text whose two unused bits are set is refused, so that one identifier has one text")
    func canonical() {
        let stem = String(repeating: "a", count: 25)
        let accepted = "abcdefghijklmnopqrstuvwxyz234567".filter { TenantID(stem + String($0)) != nil }
        #expect(accepted == "aeimquy4")
    }
}
