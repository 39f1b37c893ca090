/// Why the Key Authority could not cut an epoch or name a successor.
public struct KeyAuthorityError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, for programs.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Known: String {
            case invalidMember = "invalid-member"
            case exhausted
            case succession = "key-authority-succession"
        }
        private let known: Known

        /// A member's key is none.
        public static let invalidMember = Self(known: .invalidMember)
        /// There is no higher number.
        public static let exhausted = Self(known: .exhausted)
        /// A key's claim to be the successor of another does not hold.
        public static let succession = Self(known: .succession)

        /// The stable name.
        public var description: String { known.rawValue }
    }

    /// What is wrong, for programs.
    public let code: Code
    /// What is wrong, for people.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code): \(message)" }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
