public import BrokerCore

/// An embedded broker in this process: all parties share the one object, and there are no links to cut.
public struct EmbeddedSite: BrokerSite {
    private let broker: any EmbeddedBroker
    private let turnable: TurnableClock
    private let cleanUp: @Sendable () -> Void

    public let abilities: Set<SiteAbility> = [.turnsClock, .obeysLimits, .leases, .settlesMeanwhile]
    public var clock: RelayClock { turnable.clock }

    /// Makes a site of a broker that tells the time by the given clock.
    public init(
        _ broker: any EmbeddedBroker, clock: TurnableClock, cleanUp: @escaping @Sendable () -> Void = {}
    ) {
        self.broker = broker
        turnable = clock
        self.cleanUp = cleanUp
    }

    public func connect(_ party: Party) async throws -> any Broker { broker }

    public func cut(_ party: Party) async throws {
        throw ConformanceFailure("an embedded broker has no links")
    }

    public func advance(by time: Duration) async throws {
        turnable.advance(by: time)
        broker.queue.meetDeadlines()
    }

    public func stop() async {
        await broker.close()
        cleanUp()
    }
}
