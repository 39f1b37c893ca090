public import BrokerCore
public import RelayFormat
public import RelaySealing

/// What all that leaves a party passes, and all that reaches it.
///
/// `Keyring` is the one that programs use; tests and benchmarks that are about something else have one in clear.
public protocol MessageSealing: Sendable {
    /// Makes records of messages, in their order.
    func seal(_ messages: [OutgoingMessage], at now: RelayTime) async -> SealedBatch

    /// Opens what was found at a place, if it is of one of the kinds that belong there: one message, or those of a bundle.
    ///
    /// - Throws: why it is refused; nothing has changed by it then.
    func open(
        _ payload: [UInt8], from source: MessageSource, allowing kinds: Set<MessageKind>, at now: RelayTime
    ) throws(SealingError) -> [Envelope]

    /// What has to be said again so that others understand what was sealed for them.
    func greetings(at now: RelayTime) -> [OutgoingMessage]

    /// What a process has to hear that asks who speaks to it; nil where nothing was said to it yet.
    func greeting(to boot: BootID, at now: RelayTime) -> OutgoingMessage?

    /// Whether a member is one of a group's present epoch.
    func isMember(_ member: MemberID, of group: GroupID) -> Bool

    /// Whether a process whose words cannot be opened is to be invited now.
    func takeInvitation(of boot: BootID, at now: RelayTime) -> Bool
}

/// Where a message was found.
public enum MessageSource: Sendable, Equatable {
    /// The queue of a group.
    case group(GroupID)
    /// The party's own inbox.
    case inbox
    /// The presence of the tenant.
    case presence
}

/// What became of messages that leave together.
public struct SealedBatch: Sendable {
    /// What leaves, in this order: what others need to understand the rest goes first.
    public var records: [OutgoingRecord]
    /// For each message, in their order: which of the records carries it, or why there is none.
    public var carriers: [Result<Int, SealingError>]

    /// Makes a batch.
    public init(records: [OutgoingRecord], carriers: [Result<Int, SealingError>]) {
        self.records = records
        self.carriers = carriers
    }
}
