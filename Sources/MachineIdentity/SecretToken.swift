internal import Crypto

/// A 256-bit secret as one word: a prefix that scanners know, base64url, and a checksum that finds typing errors.
///
/// `postern_es_` and 48 characters: 32 random bytes and the first four bytes of the SHA-256 of prefix and secret.
public struct SecretToken: Sendable, Equatable, CustomStringConvertible {
    /// What a token is for.
    public enum Kind: String, Sendable, CaseIterable {
        /// Lets a machine enroll, once or a few times.
        case enrollment = "postern_es_"
        /// Lets a program use the dispatcher's API.
        case apiKey = "postern_ak_"
        /// Lets a person or a script administer.
        case administrator = "postern_ad_"
    }

    private static let checksumLength = 4

    /// What the token is for.
    public let kind: Kind
    /// The whole text; what is sent, and whose keyed digest is stored.
    public let secret: Secret

    /// Makes a token of 32 random bytes.
    public init(kind: Kind, bytes: [UInt8]) {
        precondition(bytes.count == 32, "a secret has 256 bits")
        self.kind = kind
        secret = Secret(kind.rawValue + Base64URL.encode(bytes + Self.checksum(kind: kind, bytes: bytes)))
    }

    /// Draws a token from the given source of randomness.
    public static func random(kind: Kind, using generator: inout some RandomNumberGenerator) -> Self {
        Self(kind: kind, bytes: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// Reads a token of the expected kind; space around it does no harm.
    public init(parsing text: some StringProtocol, kind expected: Kind) throws(MachineIdentityError) {
        guard let word = text.split(whereSeparator: \.isWhitespace).first, text.utf8.count < 4096,
            text.split(whereSeparator: \.isWhitespace).count == 1
        else { throw MachineIdentityError(.invalidSecret, "the secret must be one word") }
        guard let kind = Kind.allCases.first(where: { word.hasPrefix($0.rawValue) }) else {
            throw MachineIdentityError(.invalidSecret, "a secret of this kind begins with \(expected.rawValue)")
        }
        guard kind == expected else {
            throw MachineIdentityError(
                .invalidSecret, "this secret begins with \(kind.rawValue), but here one with \(expected.rawValue) is needed"
            )
        }
        guard let bytes = Base64URL.decode(word.dropFirst(kind.rawValue.count)), bytes.count == 32 + Self.checksumLength,
            Array(bytes.suffix(Self.checksumLength)) == Self.checksum(kind: kind, bytes: Array(bytes.prefix(32)))
        else {
            throw MachineIdentityError(
                .invalidSecret, "the secret is cut off or mistyped (its checksum does not fit); copy it again")
        }
        self.kind = kind
        secret = Secret(String(word))
    }

    /// The 32 secret bytes.
    public var bytes: [UInt8] {
        Array((Base64URL.decode(secret.reveal().dropFirst(kind.rawValue.count)) ?? []).prefix(32))
    }

    public var description: String { kind.rawValue + "***" }

    private static func checksum(kind: Kind, bytes: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(data: Array(kind.rawValue.utf8) + bytes).prefix(checksumLength))
    }
}
