/// A 256-bit secret as text: a prefix that scanners know, the secret, a checksum that finds typos.
///
/// It prints as `***`; the text is read from `text` alone.
public struct SecretToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// What a secret opens.
    public enum Kind: String, Sendable, CaseIterable {
        /// Registers a connector: the secret of an invitation.
        case enrollment = "pse"
        /// Administers a tenant.
        case administrator = "psa"
        /// Calls services, or whatever else its scopes say.
        case apiKey = "psk"
    }

    /// What the secret opens.
    public let kind: Kind
    /// The 32 bytes of the secret.
    public let bytes: [UInt8]

    /// Draws a secret from the given source of randomness.
    public static func random(_ kind: Kind, using generator: inout some RandomNumberGenerator) -> SecretToken {
        SecretToken(kind: kind, bytes: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// Reads the text form; its checksum must fit.
    public init(_ text: some StringProtocol) throws(EnrollmentProtocolError) {
        let parts = text.split(separator: "_", maxSplits: 1)
        guard parts.count == 2, let kind = Kind(rawValue: String(parts[0])) else {
            throw EnrollmentProtocolError(.malformedSecret, "The secret does not begin as one of Postern's.")
        }
        guard parts[1].utf8.count == 58, let bytes = Base32.bytes(of: parts[1]), bytes.count == 36 else {
            throw EnrollmentProtocolError(.malformedSecret, "The secret is not complete.")
        }
        let secret = Array(bytes.prefix(32))
        guard Self.checksum(kind, secret) == Array(bytes.suffix(4)) else {
            throw EnrollmentProtocolError(.malformedSecret, "The secret has a typing error.")
        }
        self.init(kind: kind, bytes: secret)
    }

    /// Makes a token of a secret's 32 bytes.
    init(kind: Kind, bytes: [UInt8]) {
        precondition(bytes.count == 32, "a secret has 32 bytes")
        self.kind = kind
        self.bytes = bytes
    }

    /// The text form: 62 characters.
    public var text: String {
        kind.rawValue + "_" + Base32.text(of: bytes + Self.checksum(kind, bytes))
    }

    public var description: String { "***" }
    public var debugDescription: String { "***" }

    private static func checksum(_ kind: Kind, _ secret: [UInt8]) -> [UInt8] {
        Checksum.bytes(of: Array(kind.rawValue.utf8) + secret)
    }
}
