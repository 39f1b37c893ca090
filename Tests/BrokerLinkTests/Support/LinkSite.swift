import BrokerConformance
import BrokerCore
import RelayFormat
import Synchronization

@testable import BrokerLink

/// The in-memory broker behind a link: each party has a client and a relay of its own.
final class LinkSite: BrokerSite {
    private struct Seat {
        var run: LinkClientRun
        var relay: Relay
    }

    let abilities = Set(SiteAbility.allCases)
    private let broker: InMemoryBroker
    private let turnable: TurnableClock
    private let stage: LinkStage
    private let seats = Mutex<[Party: Seat]>([:])

    init(limits: BoardLimits) async throws {
        turnable = TurnableClock()
        broker = InMemoryBroker(limits: limits, clock: turnable.clock)
        stage = try await LinkStage(broker: broker, isAuthorizationEnforced: false)
    }

    var clock: RelayClock { turnable.clock }

    func connect(_ party: Party) async throws -> any Broker {
        let relay = try await Relay(to: stage.port)
        let principal = LinkStage.principal(
            party.role == .dispatcher ? .dispatcher : .connector, tenant: party.tenant, boot: party.boot,
            groups: [party.group])
        let run = try stage.client(principal, over: relay.port)
        try await run.connected()
        seats.withLock { $0[party] = Seat(run: run, relay: relay) }
        return run.client
    }

    func cut(_ party: Party) async throws {
        guard let seat = seats.withLock({ $0.removeValue(forKey: party) }) else {
            throw LinkError(.closed, "the party is not connected")
        }
        await seat.relay.stop()
        await seat.run.stop()
    }

    func advance(by time: Duration) async throws {
        turnable.advance(by: time)
        broker.queue.meetDeadlines()
    }

    func stop() async {
        for seat in seats.withLock({ $0 }).values {
            await seat.run.stop()
            await seat.relay.stop()
        }
        await stage.stop()
        await broker.close()
    }
}
