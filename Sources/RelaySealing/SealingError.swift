internal import RelayFormat

/// Why something was not sealed, or what came was not opened.
public struct SealingError: Error, Equatable, CustomStringConvertible {
    /// The closed list of reasons, stable for counting.
    public enum Code: String, Sendable, CaseIterable {
        /// The epoch is not one that the member holds.
        case unknownEpoch = "unknown-epoch"
        /// The epoch's time has not come, or is over.
        case expiredEpoch = "expired-epoch"
        /// The member itself is not in the epoch.
        case notAMember = "not-a-member"
        /// The message is of another group.
        case foreignGroup = "foreign-group"
        /// The message is of another tenant.
        case foreignTenant = "foreign-tenant"
        /// The kind of the message is not sealed in this way.
        case wrongKind = "wrong-kind"
        /// The suite is not that of the epoch.
        case wrongSuite = "wrong-suite"
        /// The header is not that with which the message was sealed, or it was sealed under another key.
        case commitment
        /// The tag does not fit.
        case decryption
        /// The signature is not the sender's.
        case signature
        /// The sender is not a member of the epoch.
        case senderUnknown = "sender-unknown"
        /// The sender's role does not say such things.
        case senderRole = "sender-role"
        /// The message was here before.
        case replayed
        /// The message is too old, or comes from the future.
        case stale
        /// There is no session with the sender.
        case unknownSession = "unknown-session"
        /// The message or hello is not of this session.
        case sessionMismatch = "session-mismatch"
        /// The padding is not what it must be.
        case padding
        /// The bytes do not have the layout.
        case malformed
        /// The epoch is older than one that was seen.
        case rolledBack = "rolled-back"
        /// The epoch does not follow the one that was seen.
        case chainBroken = "chain-broken"
        /// The Key Authority did not sign this.
        case keyAuthority = "key-authority"
        /// The body is longer than a message may be, or there are more messages than one signature serves.
        case tooLarge = "too-large"
        /// The own key did not sign.
        case signer
    }

    /// The reason.
    public let code: Code
    /// What exactly was met, in constant words.
    public let detail: String

    /// Makes an error.
    public init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    init(_ error: RelayFormatError) { self.init(.malformed, error.description) }

    public var description: String { "\(code.rawValue): \(detail)" }
}
