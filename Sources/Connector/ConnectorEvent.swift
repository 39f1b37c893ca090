/// Something that the customer may want on record: what the tenant ordered, and what it was denied.
public enum ConnectorEvent: Sendable, Equatable {
    /// The tenant has ordered something.
    case ordered(order: String, by: String, note: String)
    /// A request was denied by the policy of a service, or asked for a service that is not offered.
    case denied(service: String, method: String, target: String, reason: String)
}
