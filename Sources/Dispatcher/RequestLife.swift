public import RelayDelivery
public import RelayFormat

/// The life of a request, open or ended, kept in memory or in the ledger.
public struct RequestLife: Sendable {
    /// The request.
    public var id: RequestID
    /// The group that was asked.
    public var group: GroupID
    /// The service that was asked.
    public var service: String
    /// Who asked: the id of an API key.
    public var caller: String
    /// When.
    public var submittedAt: RelayTime
    /// Whether the ledger keeps it.
    public var isDurable: Bool
    /// The name of the webhook that is told its result; nil for none.
    public var webhook: String?
    /// How far it has come.
    public var progress: RequestProgress
    /// How it ended, of a call without its body; nil while it has not.
    public var ending: RequestEnding?
    /// What happened to it, oldest first.
    public var events: [RequestEvent]
    /// What it waits for now.
    public var waitsFor: String
    /// What a person can do about it; nil when there is nothing to do.
    public var wouldHelp: String?

    /// How it stands, as lists and filters name it.
    public var state: LedgerFilter.State { LedgerFilter.State(ending) }
}

extension RequestLife {
    /// What is open.
    init(_ life: TenantDispatcher.Machine.Life, caller: String, webhook: String? = nil) {
        self.init(
            id: life.submission.id, group: life.submission.group, service: life.submission.service, caller: caller,
            submittedAt: life.submission.submittedAt, isDurable: life.submission.isDurable, webhook: webhook,
            progress: life.progress, ending: nil, events: life.events, waitsFor: life.waitsFor,
            wouldHelp: life.wouldHelp)
    }

    /// What the ledger keeps.
    init(_ request: DurableRequest, isUnresolved: Bool) {
        self.init(
            id: request.id, group: request.group, service: request.service, caller: request.caller,
            submittedAt: request.submittedAt, isDurable: true, webhook: request.webhook, progress: request.progress,
            ending: request.ending, events: request.events, waitsFor: "", wouldHelp: nil)
        conclude(isUnresolved: isUnresolved)
    }

    /// Says what an ended request still waits for, and what would help.
    mutating func conclude(isUnresolved: Bool) {
        let holder = progress.holder?.name ?? "the connector that had it"
        switch state {
        case .open:
            waitsFor = "the dispatcher to take it up"
        case .unknown where isUnresolved:
            waitsFor = "\(holder) to come back: its journal may tell how it ended"
            wouldHelp = "start \(holder) again with its state folder"
        case .unknown:
            waitsFor = "nothing: nobody will know more than this"
            wouldHelp = "look in the service itself whether it was carried out"
        case .deadLetter:
            waitsFor = "a person: it is not tried again by itself"
            wouldHelp = "find out why its connector ends while it runs, then redrive it"
        case .failed:
            waitsFor = "nothing: it has ended"
            wouldHelp = isDurable ? "redrive it when the reason is mended" : "call again when the reason is mended"
        case .answered, .cancelled:
            waitsFor = "nothing: it has ended"
        }
    }
}
