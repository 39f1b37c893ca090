/// Why a certificate was not made.
public struct CertificateAuthorityError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, for programs.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Known: String {
            case invalidProfile = "invalid-profile"
            case invalidHost = "invalid-host"
            case invalidKey = "invalid-key"
            case mismatch
            case notAuthority = "not-authority"
            case expired
            case signing
        }
        private let known: Known

        /// The profile is unreadable or contradicts itself.
        public static let invalidProfile = Self(known: .invalidProfile)
        /// A host is neither a DNS name nor an IP address.
        public static let invalidHost = Self(known: .invalidHost)
        /// The text is no key of an authority.
        public static let invalidKey = Self(known: .invalidKey)
        /// Root, intermediate and key do not belong together.
        public static let mismatch = Self(known: .mismatch)
        /// A certificate is not that of an authority that may do what is asked of it.
        public static let notAuthority = Self(known: .notAuthority)
        /// The authority has reached its own end.
        public static let expired = Self(known: .expired)
        /// The certificate could not be encoded or signed.
        public static let signing = Self(known: .signing)

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
