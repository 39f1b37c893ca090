import BrokerCore
import Connector
import Dispatcher
import RelayFormat
import Testing

@Suite("Dispatcher and connectors around a broker", .timeLimit(.minutes(1)))
struct RelayTests {
    @Test("a call is answered by the service, and says by whom")
    func answers() async throws {
        try await RelayHarness().run { relay in
            let session = relay.session("one", service: EchoService())
            async let running: Void = session.run()
            let result = await relay.call("/hello")
            #expect(result.body == "/hello")
            #expect(result.connector == "one")
            #expect(result.attempt == 1)
            await relay.broker.close()
            try await running
        }
    }

    @Test("a thousand calls at a time are each answered with their own answer")
    func manyCalls() async throws {
        try await RelayHarness().run { relay in
            let service = EchoService()
            let session = relay.session("one", service: service)
            async let running: Void = session.run()
            await withTaskGroup(of: (String, CallResult).self) { group in
                for number in 0..<1000 {
                    group.addTask { ("/\(number)", await relay.call("/\(number)", within: .seconds(30))) }
                }
                for await (target, result) in group {
                    #expect(result.body == target)
                }
            }
            #expect(service.executed.count == 1000)
            await relay.broker.close()
            try await running
        }
    }

    @Test("without a connector a call fails at once after the settling time, and says so")
    func noConnector() async throws {
        try await RelayHarness(settling: .milliseconds(200)).run { relay in
            #expect(await relay.call("/", within: .seconds(60)).failure == .noConnector)
            let again = ContinuousClock.now
            #expect(await relay.call("/", within: .seconds(60)).failure == .noConnector)
            #expect(ContinuousClock.now - again < .seconds(5))
        }
    }

    @Test("a service that nobody offers is unknown, not absent")
    func serviceUnknown() async throws {
        try await RelayHarness(settling: .milliseconds(200)).run { relay in
            let session = relay.session("one", service: EchoService())
            async let running: Void = session.run()
            try await waitUntil("the connector is there") { await relay.call("/").body == "/" }
            #expect(await relay.call("/", service: "other").failure == .serviceUnknown)
            await relay.broker.close()
            try await running
        }
    }

    @Test("what the service's policy denies never runs")
    func denied() async throws {
        try await RelayHarness().run { relay in
            let service = EchoService()
            let session = relay.session("one", service: service)
            async let running: Void = session.run()
            #expect(await relay.call("/forbidden").failure == .deniedByPolicy)
            #expect(service.executed.isEmpty)
            await relay.broker.close()
            try await running
        }
    }

    @Test("when a connector is lost, its safe requests are answered by another")
    func failover() async throws {
        try await RelayHarness().run { relay in
            let slow = EchoService(delay: .seconds(30))
            let doomed = relay.session("doomed", service: slow)
            let doomedTask = Task { try await doomed.run() }
            let first = Task { await relay.call("/first", within: .seconds(20)) }
            try await waitUntil("the service runs") { !slow.executed.isEmpty }
            let survivor = relay.session("survivor", service: EchoService())
            async let running: Void = survivor.run()
            doomedTask.cancel()
            let result = await first.value
            #expect(result.body == "/first")
            #expect(result.connector == "survivor")
            await relay.broker.close()
            try await running
        }
    }

    @Test("when a connector is lost, what is not safe is unknown and runs no second time")
    func outcomeUnknown() async throws {
        try await RelayHarness().run { relay in
            let slow = EchoService(delay: .seconds(30))
            let doomed = relay.session("doomed", service: slow)
            let doomedTask = Task { try await doomed.run() }
            let first = Task { await relay.call("/once", class: .once, within: .seconds(20)) }
            try await waitUntil("the service runs") { !slow.executed.isEmpty }
            let other = EchoService()
            let survivor = relay.session("survivor", service: other)
            async let running: Void = survivor.run()
            doomedTask.cancel()
            #expect(await first.value.failure == .outcomeUnknown)
            #expect(other.executed.isEmpty)
            await relay.broker.close()
            try await running
        }
    }

    @Test("a deadline ends the wait")
    func deadline() async throws {
        try await RelayHarness().run { relay in
            let slow = EchoService(delay: .seconds(30))
            let session = relay.session("one", service: slow)
            async let running: Void = session.run()
            #expect(await relay.call("/", within: .milliseconds(50)).failure == .deadlineExceeded)
            async let once = relay.call("/once", class: .once, within: .seconds(2))
            try await waitUntil("it runs") { slow.executed.contains("/once") }
            #expect(await once.failure == .outcomeUnknown)
            await relay.broker.close()
            try await running
        }
    }

    @Test("a round trip is proven through the queue and shows in the status")
    func proof() async throws {
        try await RelayHarness().run { relay in
            _ = relay.dispatcher.tenant(relay.tenant, named: "acme")
            let session = relay.session("one", service: EchoService())
            #expect(session.status(link: .connected(since: .now)).state != .online)
            async let running: Void = session.run()
            let (_, took) = try await session.proveRoundTrip()
            #expect(took > .zero && took < .seconds(5))
            #expect(session.status(link: .connected(since: .now)).state == .online)
            let cut = Connectivity.disconnected(reason: "cut", since: .now, attempts: 3)
            #expect(session.status(link: cut).state == .disconnected)
            await relay.broker.close()
            try await running
        }
    }
}
