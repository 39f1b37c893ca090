public import HTTPProblems
internal import IdentityStore
internal import MachineIdentity

/// Why a call to the tenant did not succeed: what happened, what to do, and a stable code.
public struct EnrollmentClientError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is; each belongs to one exit code of the commands.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Known: String {
            case invalidURL = "invalid-url"
            case invalidProxy = "invalid-proxy"
            case invalidAuthorityFile = "invalid-ca-file"
            case unreachable
            case timedOut = "timed-out"
            case proxyRefused = "proxy-refused"
            case untrustedServer = "untrusted-server"
            case wrongClock = "wrong-clock"
            case issuerPinMismatch = "tls-issuer-pin-mismatch"
            case authorityPinMismatch = "ca-pin-mismatch"
            case keyAuthorityPinMismatch = "key-authority-pin-mismatch"
            case successionRefused = "key-authority-succession-refused"
            case epochRefused = "epoch-refused"
            case unexpectedAnswer = "unexpected-answer"
            case alreadyRegistered = "already-registered"
            case unavailable
            case secretRefused = "secret-refused"
            case rejected
            case frozen
            case certificateEnded = "certificate-ended"
            case superseded
            case replaced
            case pendingApproval = "pending-approval"
            case refused
            case keyHolder = "key-holder"
        }
        private let known: Known

        /// The tenant's URL cannot be used.
        public static let invalidURL = Self(known: .invalidURL)
        /// The proxy's URL cannot be used.
        public static let invalidProxy = Self(known: .invalidProxy)
        /// The file of trusted authorities cannot be used.
        public static let invalidAuthorityFile = Self(known: .invalidAuthorityFile)
        /// No connection: name, route, port or proxy.
        public static let unreachable = Self(known: .unreachable)
        /// No answer in time.
        public static let timedOut = Self(known: .timedOut)
        /// The proxy did not make a tunnel.
        public static let proxyRefused = Self(known: .proxyRefused)
        /// The server's certificate is not one that we believe for this host.
        public static let untrustedServer = Self(known: .untrustedServer)
        /// This machine's clock is so wrong that the server's certificate looks expired or not valid yet.
        public static let wrongClock = Self(known: .wrongClock)
        /// Another issuer than the pinned one has signed the server's certificate.
        public static let issuerPinMismatch = Self(known: .issuerPinMismatch)
        /// The installation is another one than the pinned one.
        public static let authorityPinMismatch = Self(known: .authorityPinMismatch)
        /// The tenant's Key Authority is another one than the pinned one.
        public static let keyAuthorityPinMismatch = Self(known: .keyAuthorityPinMismatch)
        /// The tenant's Key Authority has another key, and nothing shows that it is the successor of the pinned one.
        public static let successionRefused = Self(known: .successionRefused)
        /// An epoch is older than one that was seen, another tenant's, or not signed by the Key Authority.
        public static let epochRefused = Self(known: .epochRefused)
        /// The answer is not what the API promises.
        public static let unexpectedAnswer = Self(known: .unexpectedAnswer)
        /// The machine is registered already, and not by this invitation.
        public static let alreadyRegistered = Self(known: .alreadyRegistered)
        /// The tenant is there but cannot answer now.
        public static let unavailable = Self(known: .unavailable)
        /// The enrollment secret is wrong, used or expired.
        public static let secretRefused = Self(known: .secretRefused)
        /// The identity is revoked or otherwise not wanted: do not try again.
        public static let rejected = Self(known: .rejected)
        /// The identity is frozen until an administrator of the tenant lets it in again.
        public static let frozen = Self(known: .frozen)
        /// The certificate has ended: renew it by an assertion.
        public static let certificateEnded = Self(known: .certificateEnded)
        /// A newer certificate of the same connector has been used.
        public static let superseded = Self(known: .superseded)
        /// A newer process of the same identity has taken this one's place.
        public static let replaced = Self(known: .replaced)
        /// An administrator has not yet approved the registration; the same command goes on later.
        public static let pendingApproval = Self(known: .pendingApproval)
        /// The tenant refused the request for another reason.
        public static let refused = Self(known: .refused)
        /// What holds the machine's key (a token, an HSM) does not let it be used; the reason says why.
        public static let keyHolder = Self(known: .keyHolder)

        /// The stable name.
        public var description: String { known.rawValue }
    }

    /// What kind of failure it is.
    public let code: Code
    /// What happened, for people.
    public let message: String
    /// What to do about it, for people.
    public let advice: String
    /// What the tenant said, where it said something.
    public let problem: ProblemDetails?
    /// The stable name, which for a key that something else holds is that of its holder.
    public let reason: String

    /// Makes an error.
    public init(_ code: Code, _ message: String, advice: String, problem: ProblemDetails? = nil) {
        self.code = code
        self.message = message
        self.advice = advice
        self.problem = problem
        reason = code.description
    }

    /// Takes over why a signature could not be had.
    init(signing error: any Error) {
        let failure = error as? any HeldKeyFailure
        code = .keyHolder
        message = (failure?.message ?? "The machine's key does not sign: \(error)") + "."
        advice = failure?.remedy ?? ""
        problem = nil
        reason = failure?.reason ?? "key-holder"
    }

    /// Takes over why a key could not be made or destroyed.
    init(_ error: IdentityStoreError) {
        code = .keyHolder
        message = error.message + "."
        advice = error.remedy
        problem = nil
        reason = error.reason
    }

    /// Whether the same call may succeed later without a change.
    public var isRetryable: Bool {
        [.unreachable, .timedOut, .proxyRefused, .unavailable].contains(code) || problem?.retryable == true
    }

    public var description: String { "\(reason): \(message) \(advice)" }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
