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
        session.state.withLock { $0.dispatchers[.random()] = .now }
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
}
