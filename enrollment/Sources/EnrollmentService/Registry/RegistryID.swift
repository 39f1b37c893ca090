internal import EnrollmentProtocol

/// The ids of the registry: 16 random bytes as 26 characters of base32, the text form of the relay's identifiers.
enum RegistryID {
    static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return Base32.text(of: (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    static func isValid(_ text: String) -> Bool {
        text.utf8.count == 26 && Base32.bytes(of: text)?.count == 16
    }
}
