public import RelayFormat

/// A request as the ledger keeps it on disk from its submission on.
public struct DurableRequest: Sendable, Equatable {
    /// Its name over all attempts.
    public var id: RequestID
    /// The tenant whose request it is.
    public var tenant: TenantID
    /// The group that is asked.
    public var group: GroupID
    /// The group's name.
    public var groupName: String
    /// The service that is asked.
    public var service: String
    /// Who brought it: the id of an API key.
    public var caller: String
    /// The caller's name for it, within its caller and service; nil when it has none.
    public var idempotencyKey: String?
    /// What the request is made of, as a digest; the same key must always come with the same one.
    public var fingerprint: [UInt8]
    /// What the service is asked to do.
    public var operation: RequestMessage.Operation
    /// Until when it waits for a connector that can take it; later it ends with `no_connector`.
    public var parkUntil: RelayTime
    /// When it was submitted.
    public var submittedAt: RelayTime
    /// The name of the webhook that is told its result; nil for none.
    public var webhook: String?
    /// How far it has come.
    public var progress: RequestProgress
    /// How it ended; nil while it has not.
    public var ending: RequestEnding?
    /// What happened to it, oldest first.
    public var events: [RequestEvent]

    /// Describes a request.
    public init(
        id: RequestID, tenant: TenantID, group: GroupID, groupName: String, service: String, caller: String,
        idempotencyKey: String?, fingerprint: [UInt8], operation: RequestMessage.Operation, parkUntil: RelayTime,
        submittedAt: RelayTime, webhook: String?, progress: RequestProgress, ending: RequestEnding? = nil,
        events: [RequestEvent] = []
    ) {
        self.id = id
        self.tenant = tenant
        self.group = group
        self.groupName = groupName
        self.service = service
        self.caller = caller
        self.idempotencyKey = idempotencyKey
        self.fingerprint = fingerprint
        self.operation = operation
        self.parkUntil = parkUntil
        self.submittedAt = submittedAt
        self.webhook = webhook
        self.progress = progress
        self.ending = ending
        self.events = events
    }

    /// Whether it ended as unknown, and its connector's journal may still tell how.
    public var isUnresolved: Bool { ending?.isUnknown == true && progress.standing == .granted }
}
