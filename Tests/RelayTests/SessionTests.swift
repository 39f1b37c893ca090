import BrokerCore
import Dispatcher
import RelayDelivery
import RelayFormat
import ServiceLifecycle
import Synchronization
import Testing

@testable import Connector

@Suite("A connector's session", .timeLimit(.minutes(1)))
struct SessionTests {
    @Test("a proof that has no time left fails, and nobody waits for ever")
    func proofWithoutTime() async throws {
        let session = RelayHarness().session("one", service: EchoService())
        session.state.withLock { _ = $0.dispatchers.invited(by: .random(), boot: .random(), bootNumber: 1, at: .now) }
        for _ in 0..<100 {
            await #expect(throws: ConnectorSession.ProofError.timedOut(.zero)) {
                try await session.proveRoundTrip(timeout: .zero)
            }
        }
        #expect(session.state.withLock { $0.pings.isEmpty })
    }

    @Test("a connector that is told to stop says so before it goes")
    func drainIsSaid() async throws {
        try await RelayHarness().run { relay in
            let watch = try await relay.broker.watchPresence(of: relay.tenant)
            let session = relay.session("one", service: EchoService())
            let services = ServiceGroup(
                configuration: .init(services: [.init(service: session)], logger: relay.logger))
            async let running: Void = services.run()
            #expect(await relay.call("/hello").body == "/hello")
            await services.triggerGracefulShutdown()
            try await running
            var last: BeatMessage.Readiness?
            watching: while let events = await watch.next() {
                for event in events {
                    guard case .beat(let payload) = event else { break watching }
                    let beat = try Envelope(decoding: payload).decode(BeatMessage.self)
                    if beat.role == .connector { last = beat.readiness }
                }
            }
            #expect(last == .draining)
        }
    }

    @Test("a request in the name of another group than its queue's never runs")
    func foreignGroup() async throws {
        try await RelayHarness().run { relay in
            let service = EchoService()
            let session = relay.session("one", service: service)
            async let running: Void = session.run()
            #expect(await relay.call("/first").body == "/first")
            let now = RelayClock.system.now
            let forger = Correspondent(tenant: relay.tenant, member: .random(), boot: .random())
            let request = RequestMessage(
                service: "echo", requestClass: .safe, deadline: now + .seconds(30), dispatchUntil: now + .seconds(30),
                operation: .http(HTTPRequestContent(method: "GET", target: "/foreign", headers: [], body: [])))
            for place in [
                Place.group(GroupPlace(tenant: relay.tenant, group: relay.group)),
                .inbox(InboxPlace(tenant: relay.tenant, boot: session.identity.boot)),
            ] {
                let payload = try forger.seal(
                    .request, request, group: .random(), attempt: 1, correlation: .random(), at: now)
                try await relay.broker.send(OutgoingRecord(to: place, payload: payload, expiresAt: now + .seconds(30)))
            }
            #expect(await relay.call("/last").body == "/last")
            // The inbox is read beside the queue, so a round trip through it shows that it was read.
            _ = try await session.proveRoundTrip()
            #expect(service.executed == ["/first", "/last"])
            await relay.broker.close()
            try await running
        }
    }
}
