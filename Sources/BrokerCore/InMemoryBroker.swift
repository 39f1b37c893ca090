/// The embedded queue without a disk: for one process, and for tests of whatever uses a broker.
public final class InMemoryBroker: EmbeddedBroker {
    public let queue: EmbeddedQueue
    public let capabilities: BrokerCapabilities

    /// Makes an empty broker; `run` has to be called for leases and records to end by themselves.
    public init(limits: BoardLimits = BoardLimits(), clock: RelayClock = .system) {
        queue = EmbeddedQueue(limits: limits, clock: clock)
        capabilities = BrokerCapabilities(
            name: "memory", largestPayload: limits.largestPayload, durability: .process, canProvision: true,
            seesClosedLinks: true)
    }
}
