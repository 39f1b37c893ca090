import BrokerCore
import RelayDelivery
import RelayFormat
import Synchronization
import Testing

@testable import Connector
@testable import Dispatcher

@Suite("Drain, pause and resume around a broker", .timeLimit(.minutes(1)))
struct StandingTests {
    @Test("a paused connector takes nothing, its peer does, and resumed it takes again")
    func pause() async throws {
        try await RelayHarness().run { relay in
            let (first, second) = (EchoService(), EchoService())
            let one = relay.session("one", service: first)
            let two = relay.session("two", service: second)
            async let runningOne: Void = one.run()
            async let runningTwo: Void = two.run()
            let changes = Mutex(0)
            one.onStandingChanged { changes.withLock { $0 += 1 } }
            try await relay.waitUntilShown(["one": .ready, "two": .ready])
            one.pause(note: "patching")
            try await relay.waitUntilShown(["one": .paused, "two": .ready])
            let before = first.executed.count
            for number in 0..<50 { #expect(await relay.call("/a\(number)").connector == "two") }
            #expect(first.executed.count == before)
            #expect(one.status(link: .connected(since: .now)).pause == .init(note: "patching"))
            two.pause(note: "its turn")
            one.resume()
            try await relay.waitUntilShown(["one": .ready, "two": .paused])
            #expect(await relay.call("/b").connector == "one")
            #expect(changes.withLock { $0 } == 2)
            await relay.broker.close()
            _ = try await (runningOne, runningTwo)
        }
    }

    @Test("a pause ends by itself at its time")
    func pauseEnds() async throws {
        try await RelayHarness().run { relay in
            let session = relay.session("one", service: EchoService())
            async let running: Void = session.run()
            session.pause(note: "short", until: RelayClock.system.now + .milliseconds(600))
            #expect(session.standing.readiness == .paused)
            try await waitUntil("it takes work again") { session.standing.readiness == .ready }
            #expect(await relay.call("/x", within: .seconds(20)).body == "/x")
            await relay.broker.close()
            try await running
        }
    }

    @Test("a drain finishes what runs, gives no error to anyone, and ends the session")
    func drain() async throws {
        try await RelayHarness().run { relay in
            let slow = EchoService(delay: .milliseconds(700))
            let one = relay.session("one", service: slow)
            async let runningOne: Void = one.run()
            async let long = relay.call("/long", class: .once)
            try await waitUntil("it runs") { !slow.executed.isEmpty }
            let two = relay.session("two", service: EchoService())
            async let runningTwo: Void = two.run()
            try await relay.waitUntilShown(["one": .ready, "two": .ready])
            one.drain(atMost: .seconds(30), note: "new disks")
            let status = one.status(link: .connected(since: .now))
            #expect(status.state == .draining && status.drain?.note == "new disks")
            #expect(status.requests.running == 1)
            await withTaskGroup(of: CallResult.self) { group in
                for number in 0..<50 { group.addTask { await relay.call("/a\(number)") } }
                for await result in group { #expect(result.connector == "two") }
            }
            #expect(await long.body == "/long")
            try await runningOne
            #expect(one.isEndingByDrain)
            #expect(slow.executed == ["/long"])
            await relay.broker.close()
            try await runningTwo
        }
    }

    @Test("of two drains the newer limit holds")
    func secondDrain() async throws {
        try await RelayHarness().run { relay in
            let slow = EchoService(delay: .seconds(30))
            let session = relay.session("one", service: slow)
            async let running: Void = session.run()
            async let long = relay.call("/long", class: .once, within: .seconds(20))
            try await waitUntil("it runs") { !slow.executed.isEmpty }
            session.drain(atMost: .seconds(600))
            let begun = ContinuousClock.now
            session.drain(atMost: .milliseconds(100))
            try await running
            #expect(ContinuousClock.now - begun < .seconds(10))
            #expect(await long.failure == .outcomeUnknown)
        }
    }

    @Test("of two processes of one identity the older is told to go, and says why it ended")
    func replaced() async throws {
        try await RelayHarness().run { relay in
            let member = MemberID.random()
            let older = relay.session("one", service: EchoService(), member: member, bootNumber: 1)
            async let ended: ConnectorSessionError? = {
                do {
                    try await older.run()
                    return nil
                } catch {
                    return error as? ConnectorSessionError
                }
            }()
            #expect(await relay.call("/a").body == "/a")
            let newer = relay.session("one", service: EchoService(), member: member, bootNumber: 2)
            async let running: Void = newer.run()
            #expect(await ended?.code == .replaced)
            #expect(await relay.call("/b").body == "/b")
            await relay.broker.close()
            try await running
        }
    }
}

extension RelayHarness {
    /// Waits until the dispatcher shows each connector with a readiness.
    func waitUntilShown(_ expected: [String: BeatMessage.Readiness]) async throws {
        try await waitUntil("the connectors are \(expected)") {
            let peers = dispatcher.tenant(tenant, named: "acme").peers(of: group).filter { $0.standing == .online }
            return Dictionary(peers.map { ($0.name, $0.readiness) }) { first, _ in first } == expected
        }
    }
}
