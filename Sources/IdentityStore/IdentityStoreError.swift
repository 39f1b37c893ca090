internal import MachineIdentity

/// Why the state folder could not be read or written.
public struct IdentityStoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, for programs.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Known: String {
            case unsafeMode = "unsafe-mode"
            case foreignOwner = "foreign-owner"
            case notPlain = "not-a-plain-file"
            case damaged = "state-damaged"
            case sealed = "state-sealed"
            case inputOutput = "state-input-output"
            case keyHolder = "key-holder"
        }
        private let known: Known

        /// Others than the owner may read or write.
        public static let unsafeMode = Self(known: .unsafeMode)
        /// The folder or a file belongs to another user.
        public static let foreignOwner = Self(known: .foreignOwner)
        /// A link, a device or a folder stands where a file or folder of ours should be.
        public static let notPlain = Self(known: .notPlain)
        /// A file is there but cannot be understood, or the files do not belong together.
        public static let damaged = Self(known: .damaged)
        /// A private key is sealed, and what opens it is missing, wrong or not readable.
        public static let sealed = Self(known: .sealed)
        /// The operating system refused.
        public static let inputOutput = Self(known: .inputOutput)
        /// What holds the key (a token, an HSM) does not let it be used; the reason says why.
        public static let keyHolder = Self(known: .keyHolder)

        /// The stable name.
        public var description: String { known.rawValue }
    }

    /// What is wrong, for programs.
    public let code: Code
    /// What happened, for people.
    public let message: String
    /// What to do about it: a command to copy, where one mends it.
    public let remedy: String
    /// The stable name, which for a key that something else holds is that of its holder.
    public let reason: String

    init(_ code: Code, _ message: String, remedy: String) {
        self.code = code
        self.message = message
        self.remedy = remedy
        reason = code.description
    }

    /// Takes over what the holder of a key says.
    init(_ failure: any HeldKeyFailure) {
        code = .keyHolder
        message = failure.message
        remedy = failure.remedy
        reason = failure.reason
    }

    public var description: String { "\(reason): \(message). \(remedy)" }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
