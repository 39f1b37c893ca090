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
            let session = relay.session("one", service: EchoService())
            let services = ServiceGroup(
                configuration: .init(services: [.init(service: session)], logger: relay.logger))
            async let running: Void = services.run()
            #expect(await relay.call("/hello").body == "/hello")
            await services.triggerGracefulShutdown()
            try await running
            let dispatcher = relay.dispatcher.tenant(relay.tenant, named: "acme")
            try await waitUntil("it was heard") { dispatcher.peers().first?.readiness == .draining }
        }
    }
}
