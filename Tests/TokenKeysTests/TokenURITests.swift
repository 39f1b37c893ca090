import Testing
import TokenKeys

@Suite("The place of a key in a token")
struct TokenURITests {
    @Test(
        "is read as RFC 7512 writes it, and kept in one form",
        arguments: [
            ("pkcs11:token=a", "pkcs11:token=a"),
            (
                "pkcs11:object=my-key;token=The%20Software%20PKCS%2311%20Softtoken;type=private;id=%69%95%3E"
                    + "?module-path=/usr/lib/a.so&pin-source=file:/etc/pin",
                "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;object=my-key;id=%69%95%3E"
                    + "?module-path=/usr/lib/a.so&pin-source=file:/etc/pin"
            ),
            ("pkcs11:serial=0815;id=%00", "pkcs11:serial=0815;id=%00"),
            ("pkcs11:slot-id=7?pin-source=file:///run/pin", "pkcs11:slot-id=7?pin-source=file:/run/pin"),
            ("pkcs11:token=a?pin-source=/run/pin", "pkcs11:token=a?pin-source=file:/run/pin"),
            ("pkcs11:token=%C3%BCber%3B", "pkcs11:token=%C3%BCber%3B"),
        ])
    func reading(text: String, kept: String) throws {
        let uri = try TokenURI(text)
        #expect(uri.description == kept)
        #expect(try TokenURI(kept) == uri)
    }

    @Test(
        "is refused with a text that says what is wrong",
        arguments: [
            ("", "begin with 'pkcs11:'"), ("token=a", "begin with 'pkcs11:'"), ("pkcs11:", "names no token"),
            ("pkcs11:object=a", "names no token"), ("pkcs11:token=a;token=b", "twice"), ("pkcs11:token=", "empty"),
            ("pkcs11:token", "no value"), ("pkcs11:token=%4", "hexadecimal"), ("pkcs11:token=%+4", "hexadecimal"),
            ("pkcs11:token=%zz", "hexadecimal"), ("pkcs11:token=%FF", "no text"), ("pkcs11:token=a%0A", "no text"),
            ("pkcs11:token=a;colour=red", "'colour'"), ("pkcs11:token=a;type=public", "'type'"),
            ("pkcs11:token=a;slot-id=x", "'slot-id'"), ("pkcs11:token=a;id=", "'id'"),
            ("pkcs11:token=a?module-name=b", "'module-name'"), ("pkcs11:token=a?module-path=b.so", "'module-path'"),
            ("pkcs11:token=a?pin-source=%7Ccat", "'pin-source'"), ("pkcs11:token=a?pin-source=pin", "'pin-source'"),
            ("pkcs11:token=a?pin-value=1234", "lists of processes"),
            ("pkcs11:token=" + String(repeating: "a", count: 3000), "longer"),
        ])
    func refusing(text: String, reason: String) throws {
        let error = #expect(throws: TokenKeyError.self) { try TokenURI(text) }
        #expect(error?.code == .invalidURI)
        #expect(error?.message.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.description.contains("1234") == false)
    }
}
