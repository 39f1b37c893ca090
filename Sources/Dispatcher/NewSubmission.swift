public import RelayDelivery
public import RelayFormat

/// A request that the ledger is to keep until it has ended.
public struct NewSubmission: Sendable {
    /// What is asked, of whom, and by whom.
    public var call: RelayedCall
    /// The group's name.
    public var groupName: String
    /// The caller's name for the request, within its caller and service; nil when it has none.
    public var idempotencyKey: String?
    /// What the request is made of, as a digest.
    public var fingerprint: [UInt8]
    /// Until when it waits for a connector that can take it.
    public var parkUntil: RelayTime
    /// The name of the webhook that is told its result; nil for none.
    public var webhook: String?

    /// Describes a submission.
    public init(
        call: RelayedCall, groupName: String, idempotencyKey: String?, fingerprint: [UInt8], parkUntil: RelayTime,
        webhook: String?
    ) {
        self.call = call
        self.groupName = groupName
        self.idempotencyKey = idempotencyKey
        self.fingerprint = fingerprint
        self.parkUntil = parkUntil
        self.webhook = webhook
    }
}

/// What became of a submission.
public enum SubmissionAdmission: Sendable, Equatable {
    /// It is in the ledger, and on its way.
    case accepted(RequestID)
    /// It was submitted before, under the same key: that one stands for it.
    case known(RequestID)
    /// Its key was used for another request.
    case keyReused(RequestID)
}

/// Why a submission, or a question about one, was refused.
public enum SubmissionError: Error, Sendable, Equatable {
    /// Too much is under way.
    case refused(RequestFailure)
    /// The ledger did not take it, or could not be read.
    case ledger(LedgerError)
    /// This dispatcher keeps no ledger, or has not read it yet.
    case notReady(String)
}
