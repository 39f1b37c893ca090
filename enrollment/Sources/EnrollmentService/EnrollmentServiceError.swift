/// Why the enrollment service, its installation or its registry could not do something.
public struct EnrollmentServiceError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, for programs.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Known: String {
            case notInitialized = "not-initialized"
            case alreadyInitialized = "already-initialized"
            case unsafeFile = "unsafe-file"
            case unreadable
            case unwritable
            case invalidArgument = "invalid-argument"
            case alreadyExists = "already-exists"
            case notFound = "not-found"
            case registry
            case invalidCredential = "invalid-credential"
            case expiredCredential = "expired-credential"
            case revokedCredential = "revoked-credential"
            case frozenMember = "frozen-member"
            case replacedBoot = "replaced-boot"
        }
        private let known: Known

        /// The state folder holds no installation.
        public static let notInitialized = Self(known: .notInitialized)
        /// The state folder holds another installation already.
        public static let alreadyInitialized = Self(known: .alreadyInitialized)
        /// Others than the owner may use a file or a folder.
        public static let unsafeFile = Self(known: .unsafeFile)
        /// A file cannot be read, or not be understood.
        public static let unreadable = Self(known: .unreadable)
        /// A file cannot be written.
        public static let unwritable = Self(known: .unwritable)
        /// A name, a host or a URL is not well formed.
        public static let invalidArgument = Self(known: .invalidArgument)
        /// The name is taken.
        public static let alreadyExists = Self(known: .alreadyExists)
        /// There is nothing under this name.
        public static let notFound = Self(known: .notFound)
        /// The registry failed; another try may succeed.
        public static let registry = Self(known: .registry)
        /// A queue credential or its proof is not genuine.
        public static let invalidCredential = Self(known: .invalidCredential)
        /// A queue credential, or the certificate behind it, has reached its end.
        public static let expiredCredential = Self(known: .expiredCredential)
        /// The member behind a queue credential is revoked.
        public static let revokedCredential = Self(known: .revokedCredential)
        /// The member behind a queue credential is frozen.
        public static let frozenMember = Self(known: .frozenMember)
        /// A newer process of the same member has taken the place of the one behind a queue credential.
        public static let replacedBoot = Self(known: .replacedBoot)

        /// The stable name.
        public var description: String { known.rawValue }
    }

    /// What is wrong, for programs.
    public let code: Code
    /// What is wrong and what to do about it, for people.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
