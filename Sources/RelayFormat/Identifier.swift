/// A 16-byte identifier whose tag says what it names, so that a boot can never stand where a group is meant.
///
/// On the wire it is its 16 bytes; for people it is 26 characters of base32 (RFC 4648 section 6, lower case, no padding).
public struct Identifier<Tag>: Sendable, Hashable {
    /// The first eight bytes, read as a big-endian integer.
    public let high: UInt64
    /// The last eight bytes, read as a big-endian integer.
    public let low: UInt64

    /// Makes an identifier of its two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Draws an identifier from the given source of randomness.
    public static func random(using generator: inout some RandomNumberGenerator) -> Self {
        Self(high: generator.next(), low: generator.next())
    }

    /// Draws an identifier from the system's source of randomness.
    public static func random() -> Self {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }

    /// The identifier of all zeroes, which names nothing.
    public static var none: Self { Self(high: 0, low: 0) }
}

/// What `TenantID` names.
public enum TenantTag {}
/// What `GroupID` names.
public enum GroupTag {}
/// What `MemberID` names.
public enum MemberTag {}
/// What `BootID` names.
public enum BootTag {}
/// What `MessageID` names.
public enum MessageTag {}
/// What `RequestID` names.
public enum RequestTag {}

/// Names a tenant of an installation.
public typealias TenantID = Identifier<TenantTag>
/// Names a group of connectors that serve the same network.
public typealias GroupID = Identifier<GroupTag>
/// Names a connector or a dispatcher: whoever holds an identity key.
public typealias MemberID = Identifier<MemberTag>
/// Names one process start of a member.
public typealias BootID = Identifier<BootTag>
/// Names one sealed message; every attempt has a fresh one.
public typealias MessageID = Identifier<MessageTag>
/// Names one request over all its attempts.
public typealias RequestID = Identifier<RequestTag>

extension Identifier: CustomStringConvertible {
    private static var alphabet: [UInt8] { Array("abcdefghijklmnopqrstuvwxyz234567".utf8) }

    /// The 26 characters of the text form.
    public var description: String {
        let alphabet = Self.alphabet
        return String(unsafeUninitializedCapacity: 26) { characters in
            var bits: UInt64 = 0
            var held = 0
            var written = 0
            for byte in 0..<16 {
                let half = byte < 8 ? high : low
                bits = (bits << 8) | ((half >> UInt64(56 - 8 * (byte % 8))) & 0xff)
                held += 8
                while held >= 5 {
                    held -= 5
                    characters[written] = alphabet[Int((bits >> UInt64(held)) & 31)]
                    written += 1
                }
            }
            characters[written] = alphabet[Int((bits << UInt64(5 - held)) & 31)]
            return written + 1
        }
    }

    /// Reads the text form; nil for anything but 26 characters of it whose unused bits are zero.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 26 else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        for (position, character) in text.utf8.enumerated() {
            let value: UInt64
            switch character {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = UInt64(character - UInt8(ascii: "a"))
            case UInt8(ascii: "2")...UInt8(ascii: "7"): value = UInt64(character - UInt8(ascii: "2")) + 26
            default: return nil
            }
            // The last character holds three bits of the identifier and two unused ones.
            let width: UInt64 = position == 25 ? 3 : 5
            guard position < 25 || value & 3 == 0 else { return nil }
            let digit = position == 25 ? value >> 2 : value
            halves = ((halves.0 << width) | (halves.1 >> (64 - width)), (halves.1 << width) | digit)
        }
        self.init(high: halves.0, low: halves.1)
    }
}
