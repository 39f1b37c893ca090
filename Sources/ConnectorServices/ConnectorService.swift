public import RelayFormat

/// Something on-premise that a connector can reach for the tenant.
///
/// A new kind of service is one type that conforms to this, one case in `RequestMessage.Operation`, and one kind in the
/// connector's configuration.
public protocol ConnectorService: Sendable {
    /// The kind as the configuration names it.
    var kind: String { get }

    /// The limits that its requests are held to; nil where there are none.
    var gate: ServiceGate? { get }

    /// What the tenant is told of the service.
    func offer(as name: String) -> ServiceOffer

    /// The class under which the service wants a request to run; the stricter of this and the caller's holds.
    func requestClass(of operation: RequestMessage.Operation) -> RequestClass

    /// Judges a request by the service's own policy; called before anything is touched.
    ///
    /// - Throws: `deniedByPolicy`, with the rule that is missing.
    func authorize(_ operation: RequestMessage.Operation) throws(RequestFailure)

    /// Carries an authorized request out; ends early, and ends the exchange with its target, when its task is cancelled.
    ///
    /// - Parameters:
    ///   - requestClass: what may be done twice; nothing but `safe` may be tried again.
    ///   - timeout: how long the caller still waits.
    /// - Returns: the service's answer, or a failure that says truly whether anything may have run.
    func perform(
        _ operation: RequestMessage.Operation, as requestClass: RequestClass, timeout: Duration
    ) async -> ResponseMessage.Outcome
}

extension ConnectorService {
    public var gate: ServiceGate? { nil }

    public func offer(as name: String) -> ServiceOffer { ServiceOffer(name) }

    public func requestClass(of operation: RequestMessage.Operation) -> RequestClass {
        switch operation {
        case .http(let content): offer(as: "").requestClass(forHTTPMethod: content.method)
        }
    }
}
