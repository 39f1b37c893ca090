@testable import Connector
import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@Suite("The connector's control socket", .timeLimit(.minutes(1)))
struct ControlTests {
    private static let status = ConnectorStatus(
        state: .online, reason: "the last round trip was proven 2 s ago", forSeconds: 12.5, nextAction: nil,
        tenant: "acme", connector: "c1", name: "one", groups: ["site"], services: ["intranet": "http"], boot: "b1",
        bootNumber: 7, version: "1.0", inFlight: 3, requests: .init(claimed: 1, running: 2), finished: 99,
        dispatchers: 1,
        pause: .init(note: "patching", until: "2026-11-21T10:00:00Z"), drain: .init(left: 3, endsInSeconds: 9.5),
        journal: .init(rows: 12, bytes: 4096, oldestUnreceiptedSeconds: 7),
        lastRoundTrip: .init(milliseconds: 1.5, ageSeconds: 2, dispatcher: "d1"), clockDriftSeconds: -0.25,
        certificateNotAfter: "2026-12-01T00:00:00Z")

    /// Runs a control server in a folder of its own; `body` is called once it answers.
    private func run(
        leftBehind: Data? = nil, ping: @escaping @Sendable () async -> ControlAnswer.Ping = { .init() },
        orders: OrderBook = OrderBook(), _ body: (_ path: String) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "pc-\(UInt32.random(in: 0...UInt32.max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "control").path
        if let leftBehind {
            try leftBehind.write(to: URL(filePath: path))
            await #expect(throws: ControlClient.Failure.notRunning) { try await ControlClient(path: path).status() }
        }
        var logger = Logger(label: "control-tests")
        logger.logLevel = .error
        let server = ControlServer(
            path: path,
            handlers: .init(
                status: { Self.status }, ping: ping,
                drain: { (order) async throws(ControlRefusal) in try orders.note("drain \(order)", note: order.note) },
                pause: { (order) async throws(ControlRefusal) in try orders.note("pause \(order)", note: order.note) },
                resume: { () async throws(ControlRefusal) in try orders.note("resume", note: "") }), logger: logger)
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            let client = ControlClient(path: path)
            while (try? await client.status()) == nil { try await Task.sleep(for: .milliseconds(5)) }
            try await body(path)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(!FileManager.default.fileExists(atPath: path), "the socket is left behind")
    }

    /// Keeps the orders that came, and refuses those whose note says so.
    final class OrderBook: Sendable {
        private let orders = Mutex<[String]>([])
        var all: [String] { orders.withLock { $0 } }

        func note(_ order: String, note: String) throws(ControlRefusal) {
            guard note != "refuse me" else { throw ControlRefusal("the connector is draining") }
            orders.withLock { $0.append(order) }
        }
    }

    @Test("orders come through the socket as they were given, and are answered with the status")
    func ordersArrive() async throws {
        let book = OrderBook()
        try await run(orders: book) { path in
            let client = ControlClient(path: path)
            let drain = ControlOrder.Drain(maxSeconds: 600, note: "new disks")
            let pause = ControlOrder.Pause(note: "patching", forSeconds: 7200)
            let answers = [try await client.drain(drain), try await client.pause(pause), try await client.resume()]
            #expect(answers == [Self.status, Self.status, Self.status])
            #expect(book.all == ["drain \(drain)", "pause \(pause)", "resume"])
        }
    }

    @Test("an order that is refused says why")
    func refusedOrder() async throws {
        let book = OrderBook()
        try await run(orders: book) { path in
            let client = ControlClient(path: path)
            await #expect(throws: ControlClient.Failure.refused("the connector is draining")) {
                try await client.pause(.init(note: "refuse me"))
            }
            #expect(book.all.isEmpty)
        }
    }

    @Test("status and ping come through the socket as they were given")
    func answers() async throws {
        let ping = ControlAnswer.Ping(dispatcher: "d1", milliseconds: 0.8)
        try await run(ping: { ping }) { path in
            let client = ControlClient(path: path)
            let (status, answer) = (try await client.status(), try await client.ping())
            #expect(status == Self.status)
            #expect(answer == ping)
        }
    }

    @Test("the socket belongs to its owner alone")
    func mode() async throws {
        try await run { path in
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(attributes[.type] as? FileAttributeType == .typeSocket)
        }
    }

    @Test("what a killed process left behind is no running connector, and is replaced")
    func leftBehind() async throws {
        try await run(leftBehind: Data("stale".utf8)) { path in
            let status = try await ControlClient(path: path).status()
            #expect(status == Self.status)
        }
    }

    @Test("without a running connector the client says just that")
    func notRunning() async throws {
        let client = ControlClient(path: "/tmp/postern-no-such-folder/control")
        await #expect(throws: ControlClient.Failure.notRunning) { try await client.status() }
        await #expect(throws: ControlClient.Failure.notRunning) { try await client.ping() }
    }

    @Test("the status is JSON with stable names, for programs")
    func json() throws {
        let data = try JSONEncoder().encode(Self.status)
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(
            Set(object.keys) == [
                "state", "reason", "for_seconds", "tenant", "connector", "name", "groups", "services", "boot",
                "boot_number", "version", "in_flight", "finished", "dispatchers", "last_round_trip",
                "clock_drift_seconds", "certificate_not_after", "requests", "pause", "drain", "journal",
            ])
        #expect(object["state"] as? String == "online")
        let drain = try #require(object["drain"] as? [String: Any])
        #expect(Set(drain.keys) == ["left", "ends_in_seconds", "note"])
        let journal = try #require(object["journal"] as? [String: Any])
        #expect(Set(journal.keys) == ["rows", "bytes", "oldest_unreceipted_seconds"])
        let trip = try #require(object["last_round_trip"] as? [String: Any])
        #expect(Set(trip.keys) == ["milliseconds", "age_seconds", "dispatcher"])
        #expect(try JSONDecoder().decode(ConnectorStatus.self, from: data) == Self.status)
    }
}
