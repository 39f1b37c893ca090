import BrokerCore
import ConnectorServices
import RelayDelivery
import RelayFormat
import RelayKeys
import RelaySealing
import Synchronization
import Testing

@testable import Connector

@Suite("A connector and a dispatcher played by hand", .timeLimit(.minutes(1)))
struct ConnectorDeliveryTests {
    private let id = RequestID.random()

    @Test("once is claimed, starts when it is granted, is written down before, and answered until the receipt")
    func claimAndGrant() async throws {
        let stage = try await ConnectorStage()
        try await stage.run { stage in
            try await stage.request(id)
            #expect(try await stage.hearClaim() == .init(DispatchName(request: id, attempt: 1), as: .once))
            #expect(try await stage.ask(id) == .queued)
            #expect(stage.service.executed == [])
            #expect(stage.journal[id] == .claimed)
            try await stage.grant(id)
            #expect(await stage.service.began.take() == ["/1"])
            #expect(try await stage.ask(id) == .running)
            stage.service.release()
            #expect(try await stage.hearResponse().failure == nil)
            #expect(try await stage.hearResponse().failure == nil, "it is said again without a receipt")
            guard case .finished = stage.journal[id] else {
                Issue.record("not written down")
                return
            }
            try await stage.say(.receipt, ReceiptMessage([id]))
            #expect(try await stage.ask(id) == .finished, "the journal remembers it")
            #expect(stage.service.executed == ["/1"])
        }
    }

    @Test("without a grant a claim is given back, and a grant after that starts nothing")
    func noGrant() async throws {
        let stage = try await ConnectorStage()
        try await stage.run { stage in
            try await stage.request(id)
            _ = try await stage.hearClaim()
            _ = try await stage.hearClaim()
            #expect(try await stage.hearReturn() == .noGrant)
            #expect(stage.journal[id] == nil)
            try await stage.grant(id)
            #expect(try await stage.ask(id) == .notKnown)
            #expect(stage.service.executed == [])
        }
    }

    @Test("a request in the name of another group than its queue's never runs", arguments: [true, false])
    func foreignGroup(throughQueue: Bool) async throws {
        let stage = try await ConnectorStage()
        try await stage.run { stage in
            try await stage.request(.random(), "GET", through: throughQueue, inTheNameOf: .random())
            try await stage.request(id, attempt: 2, "GET", through: throughQueue)
            #expect(await stage.service.began.take() == ["/2"])
            #expect(stage.session.refusals.reasons == [.foreignGroup: 1])
        }
    }

    @Test("a cancel tears the handler down; what is said depends on the class", arguments: ["GET", "POST"])
    func cancelling(method: String) async throws {
        let stage = try await ConnectorStage()
        try await stage.run { stage in
            try await stage.request(id, method)
            if method == "POST" {
                _ = try await stage.hearClaim()
                try await stage.grant(id)
            } else {
                _ = try await stage.hear(.accepted)
            }
            _ = await stage.service.began.take()
            try await stage.say(.cancel, CancelMessage([DispatchName(request: id, attempt: 1)], mode: .stop))
            #expect(try await stage.hearResponse().failure == (method == "POST" ? .outcomeUnknown : .cancelled))
        }
    }

    @Test("what a boot says it does not know it never starts")
    func notKnown() async throws {
        let stage = try await ConnectorStage()
        try await stage.run { stage in
            #expect(try await stage.ask(id, attempt: 2) == .notKnown)
            try await stage.request(id, attempt: 2)
            #expect(try await stage.hearReturn() == .late)
            try await stage.request(id, attempt: 3, "GET")
            _ = try await stage.hear(.accepted)
        }
    }

    @Test("a new process of the dispatcher is told all that is held of its requests")
    func newDispatcher() async throws {
        let stage = try await ConnectorStage()
        let running = RequestID.random()
        try await stage.run { stage in
            try await stage.request(id, "GET")
            _ = await stage.service.began.take()
            stage.service.release()
            _ = try await stage.hearResponse()
            try await stage.request(running, "GET")
            _ = await stage.service.began.take()
            try await stage.restartDispatcher()
            #expect(try await stage.hear(.response).header.correlation == id)
            let accepted = try await stage.hear(.accepted).decode(DispatchListMessage.self)
            #expect(accepted.dispatches == [DispatchName(request: running, attempt: 1)])
        }
    }

    @Test("after a restart of the connector its answers are delivered, and what had begun is known as interrupted")
    func newConnector() async throws {
        let stage = try await ConnectorStage()
        let interrupted = RequestID.random()
        try await stage.run { stage in
            for request in [id, interrupted] {
                try await stage.request(request)
                _ = try await stage.hearClaim()
                try await stage.grant(request)
                _ = await stage.service.began.take()
                if request == id {
                    stage.service.release()
                    _ = try await stage.hearResponse()
                }
            }
        }
        stage.restartConnector()
        try await stage.run { stage in
            let response = try await stage.hear(.response)
            #expect(response.header.correlation == id)
            #expect(try await stage.ask(interrupted) == .interrupted)
            #expect(try await stage.ask(id) == .finished)
            #expect(stage.service.executed.count == 2)
        }
    }

    @Test("after the process stood still, what it finds in its queues is claimed first")
    func standstill() async throws {
        let stage = try await ConnectorStage()
        try await stage.run { stage in
            try await stage.request(id, "GET")
            _ = try await stage.hear(.accepted)
            stage.session.state.withLock { $0.wake = WakeWatch(at: .now - .seconds(5)) }
            let late = RequestID.random()
            try await stage.request(late, "GET")
            #expect(try await stage.hearClaim() == .init(DispatchName(request: late, attempt: 1), as: .safe))
            #expect(stage.service.executed.count == 1)
            try await stage.say(.cancel, CancelMessage([DispatchName(request: late, attempt: 1)], mode: .unwanted))
            #expect(try await stage.ask(late) == .notKnown)
        }
    }

    @Test("a disk that takes nothing: keyed and once are given back, safe runs, and all is well when it is back")
    func diskFull() async throws {
        let stage = try await ConnectorStage()
        try await stage.run { stage in
            stage.journal.failure = LedgerError(.unavailable, "no space left on device")
            for method in ["PUT", "POST"] {
                try await stage.request(.random(), method)
                #expect(try await stage.hearReturn() == .journalUnavailable)
            }
            try await stage.request(.random(), "GET")
            _ = await stage.service.began.take()
            stage.journal.failure = nil
            try await stage.request(id, "PUT")
            _ = await stage.service.began.take()
            #expect(stage.journal[id] == .started)
            #expect(stage.service.executed.count == 2)
        }
    }

    @Test("a service at its limit gives back at once, and takes again when it has room")
    func gate() async throws {
        let stage = try await ConnectorStage(limits: ServiceLimits(concurrency: 1))
        try await stage.run { stage in
            try await stage.request(id)
            _ = try await stage.hearClaim()
            try await stage.request(.random(), "GET")
            #expect(try await stage.hearReturn() == .busy, "a claim holds its place")
            try await stage.say(.cancel, CancelMessage([DispatchName(request: id, attempt: 1)], mode: .stop))
            try await stage.request(.random(), "GET")
            _ = await stage.service.began.take()
            stage.service.release()
            _ = try await stage.hearResponse()
            try await stage.request(.random(), "GET")
            _ = await stage.service.began.take()
        }
    }
}
