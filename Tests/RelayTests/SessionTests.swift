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

    @Test("what waited to run alone is announced when it runs")
    func waitedIsAnnounced() async throws {
        try await RelayHarness().run { relay in
            let service = EchoService(delay: .seconds(1))
            let session = relay.session("one", service: service)
            try await withThrowingTaskGroup { tasks in
                tasks.addTask { try await session.run() }
                async let first = relay.call("/first")
                try await waitUntil("it runs") { service.executed == ["/first"] }
                try await waitUntil("it was announced") { !session.state.withLock { $0.table.hasUnannounced } }
                session.admit([try relay.lonely("/second")])
                #expect(service.executed == ["/first"])
                #expect(await first.body == "/first")
                try await waitUntil("it runs alone") { service.executed == ["/first", "/second"] }
                try await waitUntil("it was announced") { !session.state.withLock { $0.table.hasUnannounced } }
                tasks.cancelAll()
            }
        }
    }
}

extension RelayHarness {
    /// A request that is to run alone, as it comes from a queue.
    fileprivate func lonely(_ target: String) throws -> ConnectorSession.Arrival {
        let now = RelayClock.system.now
        let header = RelayHeader(
            kind: .request, tenant: tenant, group: group, attempt: 3, sender: .random(), boot: .random(), sequence: 1,
            message: .random(), correlation: .random(), issuedAt: now)
        let request = RequestMessage(
            service: "echo", requestClass: .safe, deadline: now + .seconds(30), dispatchUntil: now + .seconds(20),
            runsAlone: true, operation: .http(HTTPRequestContent(method: "GET", target: target, headers: [], body: [])))
        let envelope = try Envelope(decoding: Envelope.encode(header, request))
        return ConnectorSession.Arrival(envelope: envelope, carrier: nil, mayBeRedelivery: false)
    }
}
