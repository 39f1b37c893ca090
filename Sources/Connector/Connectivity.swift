/// Whether the connector reaches its queue; told by whoever assembled the broker.
public enum Connectivity: Sendable, Equatable {
    /// The queue is in this process, or was reached at the given time.
    case connected(since: ContinuousClock.Instant)
    /// It is not reached.
    case disconnected(reason: String, since: ContinuousClock.Instant, attempts: Int)
    /// The tenant has frozen the connector; it is tried again and again.
    case frozen(since: ContinuousClock.Instant)
}
