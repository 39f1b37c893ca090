public import RelayFormat

/// Something on-premise that a connector can reach for the tenant.
///
/// A new kind of service is one type that conforms to this, one case in `RequestMessage.Operation`, and one kind in the
/// connector's configuration.
public protocol ConnectorService: Sendable {
    /// The kind as the configuration names it.
    var kind: String { get }

    /// What the configuration says of side effects and bounds.
    var terms: ServiceTerms { get }

    /// Judges a request by the service's own policy; called before anything is touched.
    ///
    /// - Throws: `deniedByPolicy`, with the rule that is missing.
    func authorize(_ operation: RequestMessage.Operation) throws(RequestFailure)

    /// Carries an authorized request out.
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
    /// No terms of its own: the method decides, and nothing is bounded.
    public var terms: ServiceTerms { ServiceTerms() }

    /// The class of an operation by the connector's own configuration, whatever the tenant thinks of it.
    public func requestClass(of operation: RequestMessage.Operation) -> RequestClass {
        switch operation {
        case .http(let content): terms.offer(named: "").requestClass(forHTTPMethod: content.method)
        }
    }
}
