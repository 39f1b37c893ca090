import BrokerCore
import Connector
import Dispatcher
import Foundation
import RelayDelivery
import RelayFormat
import RequestLedger
import Synchronization
import Testing

@Suite("Several dispatchers around one broker", .serialized, .timeLimit(.minutes(2)))
struct SeveralDispatchersTests {
    @Test("each call gets its own answer, whichever dispatcher has it, and both see all connectors")
    func sharing() async throws {
        try await RelayHarness().run { relay in
            let second = relay.another()
            let services = [EchoService(), EchoService()]
            let sessions = [relay.session("one", service: services[0]), relay.session("two", service: services[1])]
            try await withThrowingTaskGroup { tasks in
                tasks.addTask { try await second.run() }
                for session in sessions { tasks.addTask { try await session.run() } }
                await withTaskGroup(of: (String, CallResult).self) { calls in
                    for number in 0..<600 {
                        let by = number % 2 == 0 ? relay.dispatcher : second
                        calls.addTask {
                            (
                                "/\(number)",
                                await relay.call("/\(number)", class: number % 3 == 0 ? .once : .safe, by: by)
                            )
                        }
                    }
                    for await (target, result) in calls { #expect(result.body == target) }
                }
                let executed = services.flatMap(\.executed)
                #expect(executed.count == 600)
                #expect(Set(executed).count == 600)
                for dispatcher in [relay.dispatcher, second] {
                    // Calls are answered as soon as one connector is seen.
                    try await waitUntil("both connectors are seen") {
                        let peers = dispatcher.tenant(relay.tenant, named: "acme").peers()
                        return Set(peers.filter { $0.standing == .online }.map(\.name)) == ["one", "two"]
                    }
                }
                await relay.broker.close()
                tasks.cancelAll()
                while let result = await tasks.nextResult() {
                    if case .failure(let error) = result, !(error is CancellationError), !(error is BrokerError) {
                        throw error
                    }
                }
            }
        }
    }

    @Test("one is killed under load and comes back: no call of the other fails")
    func killed() async throws {
        try await RelayHarness().run { relay in
            let instance = MemberID.random()
            let doomed = relay.another(instance)
            let services = [EchoService(delay: .milliseconds(5)), EchoService(delay: .milliseconds(5))]
            let sessions = services.enumerated().map { relay.session("c\($0.offset)", service: $0.element) }
            let running = sessions.map { session in Task { try await session.run() } }
            let doomedTask = Task { try await doomed.run() }
            let load = Load(relay, workers: 16)
            let others = Load(relay, workers: 16)
            async let steady: Void = load.run(by: relay.dispatcher)
            let lost = Task { await others.run(by: doomed) }
            try await waitUntil("both have work") { load.answered > 200 && others.answered > 200 }
            doomedTask.cancel()
            _ = await doomedTask.result
            others.stop()
            // Its callers go with it.
            lost.cancel()
            await lost.value
            let atDeath = load.answered
            try await waitUntil("the other has gone on") { load.answered > atDeath + 500 }
            // The next process of the same instance.
            let back = relay.another(instance)
            let backTask = Task { try await back.run() }
            let again = Load(relay, workers: 8)
            async let resumed: Void = again.run(by: back)
            try await waitUntil("it is back") { again.answered > 200 }
            load.stop()
            again.stop()
            _ = await (steady, resumed)
            #expect(load.failures.isEmpty, "\(load.failures.prefix(3))")
            #expect(again.failures.isEmpty, "\(again.failures.prefix(3))")
            for task in running + [backTask] { task.cancel() }
            for task in running + [backTask] { _ = await task.result }
        }
    }

    @Test("submissions of a killed one go on when it is back, each once")
    func submissions() async throws {
        try await RelayHarness().run { relay in
            let folder = NSTemporaryDirectory() + "postern-several-" + BootID.random().description
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let instance = MemberID.random()
            let ledger = try await SubmissionLedger.open(path: folder + "/ledger.sqlite", logger: relay.logger)
            let doomed = relay.another(instance, ledger: ledger)
            let service = EchoService(delay: .milliseconds(300))
            let session = relay.session("one", service: service, inFlight: 4)
            let running = Task { try await session.run() }
            let doomedTask = Task { try await doomed.run() }
            let tenant = doomed.tenant(relay.tenant, named: "acme")
            var ids: [RequestID] = []
            for number in 0..<12 {
                let content = HTTPRequestContent(method: "POST", target: "/\(number)", headers: [], body: [])
                let call = RelayedCall(
                    group: relay.group, service: "echo", requestClass: .once,
                    deadline: RelayClock.system.now + .seconds(60), operation: .http(content), caller: "k")
                let admission = try await tenant.submit(
                    NewSubmission(
                        call: call, groupName: "site", idempotencyKey: nil, fingerprint: [], parkUntil: call.deadline,
                        webhook: nil))
                guard case .accepted(let id) = admission else { Issue.record("\(admission)"); return }
                ids.append(id)
            }
            try await waitUntil("some run") { service.executed.count >= 4 }
            doomedTask.cancel()
            _ = await doomedTask.result
            // The other one is not disturbed, and has nothing of them.
            #expect(await relay.call("/between").body == "/between")
            let back = relay.another(instance, ledger: ledger)
            let backTask = Task { try await back.run() }
            let again = back.tenant(relay.tenant, named: "acme")
            for id in ids {
                let request = try #require(try await again.result(of: id, waiting: .seconds(50)))
                guard case .http = request.ending?.outcome else {
                    Issue.record("\(id) ended as \(String(describing: request.ending))")
                    continue
                }
            }
            let executed = service.executed.filter { $0 != "/between" }
            #expect(executed.count == 12)
            #expect(Set(executed).count == 12)
            for task in [running, backTask] { task.cancel() }
            for task in [running, backTask] { _ = await task.result }
            await ledger.close()
        }
    }

    @Test("what both send beyond a connector's room is given back and comes, each once")
    func credit() async throws {
        try await RelayHarness().run { relay in
            let second = relay.another()
            let services = [EchoService(delay: .milliseconds(20)), EchoService(delay: .milliseconds(20))]
            let sessions = services.enumerated().map {
                relay.session("c\($0.offset)", service: $0.element, inFlight: 2)
            }
            let running =
                sessions.map { session in Task { try await session.run() } } + [Task { try await second.run() }]
            await withTaskGroup(of: (String, CallResult).self) { calls in
                for number in 0..<160 {
                    let by = number % 2 == 0 ? relay.dispatcher : second
                    calls.addTask { ("/\(number)", await relay.call("/\(number)", class: .once, by: by)) }
                }
                for await (target, result) in calls {
                    #expect(result.body == target, "\(target): \(String(describing: result.failure))")
                }
            }
            let executed = services.flatMap(\.executed)
            #expect(executed.count == 160)
            #expect(Set(executed).count == 160)
            for task in running { task.cancel() }
            for task in running { _ = await task.result }
        }
    }

    @Test("an order that one gives is seen by the other")
    func orders() async throws {
        try await RelayHarness().run { relay in
            let second = relay.another()
            let session = relay.session("one", service: EchoService())
            let running = [Task { try await session.run() }, Task { try await second.run() }]
            let (first, other) = (
                relay.dispatcher.tenant(relay.tenant, named: "acme"), second.tenant(relay.tenant, named: "acme")
            )
            for dispatcher in [relay.dispatcher, second] {
                #expect(await relay.call("/", by: dispatcher).body == "/")
            }
            let member = try #require(first.peers().first?.member)
            #expect(other.order(GoAwayMessage(.pause, until: .never, note: "patch day"), to: member))
            try await waitUntil("both see it") {
                [first, other].allSatisfy { $0.peers().first?.readiness == .paused }
            }
            #expect(first.order(GoAwayMessage(.resume, until: .never, note: ""), to: member))
            try await waitUntil("both see it") {
                [first, other].allSatisfy { $0.peers().first?.readiness == .ready }
            }
            #expect(await relay.call("/again", by: second).body == "/again")
            for task in running { task.cancel() }
            for task in running { _ = await task.result }
        }
    }
}

/// Callers that call again and again until they are told to stop.
private final class Load: Sendable {
    private struct State {
        var answered = 0
        var failures: [String] = []
        var isStopped = false
    }

    private let relay: RelayHarness
    private let workers: Int
    private let state = Mutex(State())

    init(_ relay: RelayHarness, workers: Int) {
        self.relay = relay
        self.workers = workers
    }

    var answered: Int { state.withLock { $0.answered } }
    var failures: [String] { state.withLock { $0.failures } }

    func stop() { state.withLock { $0.isStopped = true } }

    func run(by dispatcher: DispatchService) async {
        await withTaskGroup { group in
            for worker in 0..<workers {
                group.addTask {
                    var number = 0
                    while !self.state.withLock({ $0.isStopped }) {
                        number += 1
                        let target = "/\(worker)-\(number)"
                        let requestClass: RequestClass = number % 3 == 0 ? .once : .safe
                        let result = await self.relay.call(
                            target, class: requestClass, within: .seconds(10), by: dispatcher)
                        self.state.withLock { state in
                            if result.body == target {
                                state.answered += 1
                            } else {
                                state.failures.append("\(target): \(result.outcome)")
                            }
                        }
                    }
                }
            }
        }
    }
}
