public import RelayFormat

/// A request on its way to a service of a group.
public struct RelayedCall: Sendable {
    /// The group that is asked.
    public var group: GroupID
    /// The service that is asked.
    public var service: String
    /// What may be done when its connector is lost.
    public var requestClass: RequestClass
    /// When the caller no longer waits.
    public var deadline: RelayTime
    /// What the service is asked to do.
    public var operation: RequestMessage.Operation
    /// Who calls: the id of an API key.
    public var caller: String

    /// Makes a call.
    public init(
        group: GroupID, service: String, requestClass: RequestClass, deadline: RelayTime,
        operation: RequestMessage.Operation, caller: String = ""
    ) {
        self.group = group
        self.service = service
        self.requestClass = requestClass
        self.deadline = deadline
        self.operation = operation
        self.caller = caller
    }
}

/// How a call ended.
public struct CallResult: Sendable {
    /// The request's id.
    public var request: RequestID
    /// The outcome.
    public var outcome: ResponseMessage.Outcome
    /// The name of the connector that answered, or its id when it answered before its first beat was heard; nil when
    /// none did.
    public var connector: String?
    /// The dispatch that was answered; zero when there was none.
    public var attempt: UInt32
}
