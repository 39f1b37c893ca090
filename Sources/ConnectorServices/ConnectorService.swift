public import RelayFormat

/// Something on-premise that a connector can reach for the tenant.
///
/// A new kind of service is one type that conforms to this, one case in `RequestMessage.Operation`, and one kind in the
/// connector's configuration.
public protocol ConnectorService: Sendable {
    /// The kind as the configuration names it.
    var kind: String { get }

    /// Judges a request by the service's own policy; called before anything is touched.
    ///
    /// - Throws: `deniedByPolicy`, with the rule that is missing.
    func authorize(_ operation: RequestMessage.Operation) throws(RequestFailure)

    /// Carries an authorized request out.
    ///
    /// - Parameter timeout: how long the caller still waits.
    /// - Returns: the service's answer, or a failure that says truly whether anything may have run.
    func perform(_ operation: RequestMessage.Operation, timeout: Duration) async -> ResponseMessage.Outcome
}
