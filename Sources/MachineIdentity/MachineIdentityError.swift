/// Why something that claims to be part of a machine's identity was not accepted.
public struct MachineIdentityError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, for programs.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Known: String {
            case invalidCSR = "invalid-csr"
            case popFailed = "pop-failed"
            case unsupportedKey = "unsupported-key"
            case invalidKey = "invalid-key"
            case invalidName = "invalid-name"
            case invalidFingerprint = "invalid-fingerprint"
            case invalidCertificate = "invalid-certificate"
            case notMachineCertificate = "not-a-machine-certificate"
            case foreignCertificate = "foreign-certificate"
            case certificateExpired = "certificate-expired"
            case certificateNotYetValid = "certificate-not-yet-valid"
        }
        private let known: Known

        /// The bytes are no certificate signing request, or one that we cannot read.
        public static let invalidCSR = Self(known: .invalidCSR)
        /// The request does not prove that its sender holds the key.
        public static let popFailed = Self(known: .popFailed)
        /// The key is not on the curve P-256.
        public static let unsupportedKey = Self(known: .unsupportedKey)
        /// The text is no private key of ours.
        public static let invalidKey = Self(known: .invalidKey)
        /// A trust domain, slug or URI is not well formed.
        public static let invalidName = Self(known: .invalidName)
        /// The text is no SHA-256 fingerprint.
        public static let invalidFingerprint = Self(known: .invalidFingerprint)
        /// The bytes are no X.509 certificate.
        public static let invalidCertificate = Self(known: .invalidCertificate)
        /// A certificate, but not of the shape that machines have.
        public static let notMachineCertificate = Self(known: .notMachineCertificate)
        /// A certificate of another authority or another trust domain.
        public static let foreignCertificate = Self(known: .foreignCertificate)
        /// The certificate, or the authority above it, has reached its end.
        public static let certificateExpired = Self(known: .certificateExpired)
        /// The certificate, or the authority above it, begins in the future.
        public static let certificateNotYetValid = Self(known: .certificateNotYetValid)

        /// The stable name, which is a problem type where the enrollment API has one of that name.
        public var description: String { known.rawValue }
    }

    /// What is wrong, for programs.
    public let code: Code
    /// What is wrong, for people.
    public let message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code): \(message)" }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
