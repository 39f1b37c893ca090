public import MachineIdentity

/// Why a token's key cannot be used: what happened, what to do, and a stable code.
public struct TokenKeyError: HeldKeyFailure, Equatable, CustomStringConvertible {
    /// What is wrong, for programs.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Known: String {
            case invalidURI = "token-uri-invalid"
            case moduleMissing = "token-module-missing"
            case tokenMissing = "token-missing"
            case pinMissing = "token-pin-missing"
            case pinWrong = "token-pin-wrong"
            case pinLastTry = "token-pin-last-try"
            case pinLocked = "token-pin-locked"
            case keyMissing = "token-key-missing"
            case keyUnsuitable = "token-key-unsuitable"
            case refused = "token-refused"
            case silent = "token-silent"
        }
        private let known: Known

        /// The text is no URI of a place for keys.
        public static let invalidURI = Self(known: .invalidURI)
        /// The module is not there, or is none.
        public static let moduleMissing = Self(known: .moduleMissing)
        /// The module has no such token, or several.
        public static let tokenMissing = Self(known: .tokenMissing)
        /// There is no PIN, or it cannot be read safely.
        public static let pinMissing = Self(known: .pinMissing)
        /// The token did not take the PIN; it is not tried again.
        public static let pinWrong = Self(known: .pinWrong)
        /// One more wrong PIN would lock the token, so that none is tried.
        public static let pinLastTry = Self(known: .pinLastTry)
        /// Too many wrong PINs have locked the token, or none was ever set.
        public static let pinLocked = Self(known: .pinLocked)
        /// The token is there, the key is not.
        public static let keyMissing = Self(known: .keyMissing)
        /// The key is not on P-256, is another one, or could be taken out of the token.
        public static let keyUnsuitable = Self(known: .keyUnsuitable)
        /// The token answered with an error of another kind.
        public static let refused = Self(known: .refused)
        /// The token did not answer in time.
        public static let silent = Self(known: .silent)

        /// The stable name.
        public var description: String { known.rawValue }
    }

    /// What is wrong, for programs.
    public let code: Code
    /// What happened, for people.
    public let message: String
    /// What to do about it.
    public let remedy: String

    init(_ code: Code, _ message: String, remedy: String) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    public var reason: String { code.description }

    public var description: String { "\(code): \(message). \(remedy)" }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
