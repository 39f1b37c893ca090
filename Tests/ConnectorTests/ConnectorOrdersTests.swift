import BrokerCore
import ConnectorServices
import RelayDelivery
import RelayFormat
import Testing

@testable import Connector

@Suite("Drain, pause, resume and being replaced", .timeLimit(.minutes(1)))
struct ConnectorOrdersTests {
    private let id = RequestID.random()

    @Test("a drain gives back what has not started, finishes what runs, and ends the session")
    func drain() async throws {
        let stage = try await ConnectorStage()
        let claimed = RequestID.random()
        let session = stage.session
        // Owned by this test, which waits for it.
        let running = Task { try await session.run() }
        try await stage.restartDispatcher()
        try await stage.request(id, "GET")
        _ = await stage.service.began.take()
        try await stage.request(claimed)
        _ = try await stage.hearClaim()
        try await stage.say(.goAway, GoAwayMessage(.drain, until: RelayClock.system.now + .seconds(30)))
        #expect(try await stage.hearReturn() == .draining)
        try await stage.request(.random(), "GET")
        #expect(try await stage.hearReturn() == .draining)
        #expect(session.standing.readiness == .draining)
        stage.service.release()
        #expect(try await stage.hearResponse().failure == nil)
        try await stage.say(.receipt, ReceiptMessage([id]))
        try await running.value
        #expect(session.isEndingByDrain)
        #expect(stage.service.executed.count == 1)
    }

    @Test("a pause leaves the groups and gives back what comes; what runs goes on; a resume joins them again")
    func pause() async throws {
        let stage = try await ConnectorStage()
        try await stage.run { stage in
            try await stage.request(id, "GET")
            _ = await stage.service.began.take()
            try await stage.say(.goAway, GoAwayMessage(.pause, note: "new disks"))
            try await stage.leftGroups()
            #expect(stage.session.standing == ConnectorStanding(.paused, note: "new disks"))
            try await stage.request(.random(), "GET")
            #expect(try await stage.hearReturn() == .draining)
            try await stage.request(.random(), attempt: 2, "GET", through: true)
            stage.service.release()
            #expect(try await stage.hearResponse().failure == nil)
            #expect(stage.service.executed == ["/1"])
            try await stage.say(.goAway, GoAwayMessage(.resume))
            #expect(await stage.service.began.take() == ["/2"])
            #expect(stage.session.standing == ConnectorStanding(.ready))
        }
    }

    @Test("a pause ends by itself at its time")
    func pauseEnds() async throws {
        let stage = try await ConnectorStage()
        try await stage.run { stage in
            stage.session.pause(note: "short", until: RelayClock.system.now + .milliseconds(500))
            #expect(stage.session.standing.readiness == .paused)
            try await stage.leftGroups()
            try await stage.request(id, "GET", through: true)
            #expect(await stage.service.began.take() == ["/1"])
        }
    }

    @Test("a process whose place was taken ends with an error of its own")
    func replaced() async throws {
        let stage = try await ConnectorStage()
        let session = stage.session
        // Owned by this test, which waits for it.
        let running = Task { try await session.run() }
        try await stage.restartDispatcher()
        try await stage.say(.goAway, GoAwayMessage(.replaced, note: "boot 2 has come"))
        await #expect(throws: ConnectorSessionError(.replaced, "boot 2 has come")) { try await running.value }
        #expect(!session.isEndingByDrain)
    }

    @Test("a pause between two ticks shows that the process stood still, for as long as its queues may hold old work")
    func wakeWatch() {
        let start = ContinuousClock.now
        var watch = WakeWatch(at: start)
        for step in 1...10 {
            watch.tick(at: start + .milliseconds(250 * step))
            #expect(!watch.isSuspect(at: start + .milliseconds(250 * step)))
        }
        let woken = start + .seconds(22)
        #expect(watch.isSuspect(at: woken), "an arrival is met before the next tick")
        watch.tick(at: woken)
        #expect(watch.isSuspect(at: woken + .milliseconds(1999)))
        watch.tick(at: woken + .seconds(1))
        #expect(!watch.isSuspect(at: woken + .seconds(2)))
    }
}
