import DispatcherProtocol
import Foundation
import TestTools
import Testing

@Suite("The story of a request")
struct RequestStoryTests {
    private static let start = Timestamp(milliseconds: 1_795_250_096_000)

    private func at(_ milliseconds: UInt64) -> Timestamp {
        Timestamp(milliseconds: Self.start.milliseconds + milliseconds)
    }

    private func report(_ state: String, standing: String = "waiting", attempt: UInt32 = 1) -> RequestReport {
        RequestReport(
            requestID: "abc", group: "site-a", service: "orders", requestClass: "once", state: state,
            standing: standing, durable: true, caller: "k1", attempt: attempt, losses: 0, submittedAt: at(0),
            deadline: at(3_600_000))
    }

    @Test("a failover is told hop by hop")
    func failover() {
        var report = report("answered", standing: "granted", attempt: 2)
        report.connector = "gw-2"
        report.endedAt = at(3412)
        report.outcome = .init(status: 201)
        report.events = [
            .init(at: at(0), kind: "submitted"),
            .init(at: at(2), kind: "dispatched", attempt: 1),
            .init(at: at(5), kind: "claimed", attempt: 1, connector: "gw-1"),
            .init(at: at(9), kind: "lost", attempt: 1, connector: "gw-1", detail: "its link closed"),
            .init(at: at(12), kind: "dispatched", attempt: 2, connector: "gw-2"),
            .init(at: at(14), kind: "granted", attempt: 2, connector: "gw-2"),
            .init(at: at(3412), kind: "answered", attempt: 2, connector: "gw-2", detail: "status 201"),
        ]
        report.waitsFor = "nothing: it has ended"
        report.webhook = [
            .init(
                name: "billing", type: "request.ended", state: "pending", attempts: 2, nextAttempt: at(60_000),
                detail: "status 500")
        ]
        let expected = """
            Request abc
              submission of once to orders in site-a, by k1
              came 2026-11-21T08:34:56.000Z, must have ended by 2026-11-21T09:34:56.000Z

              08:34:56.000  +0.000 s  its caller brought it
              08:34:56.002  +0.002 s  sent to the group's queue (attempt 1)
              08:34:56.005  +0.005 s  gw-1 asked for the leave to start it (attempt 1)
              08:34:56.009  +0.009 s  gw-1 is gone (attempt 1): its link closed
              08:34:56.012  +0.012 s  sent to gw-2 (attempt 2)
              08:34:56.014  +0.014 s  gw-2 got the leave to start it (attempt 2)
              08:34:59.412  +3.412 s  answered by gw-2 (attempt 2): status 201

            It was answered by gw-2 with status 201 after 3.412 s and 2 attempts.
            It waits for nothing: it has ended.
            Webhook billing, request.ended: failed 2 times (status 500), tried again at 2026-11-21T08:35:56.000Z.

            """
        #expect(RequestStory(report, now: at(9000)).text == expected)
    }

    @Test("what is open says what it waits for and what would help")
    func open() {
        var report = report("open", attempt: 0)
        report.events = [.init(at: at(0), kind: "submitted"), .init(at: at(600_000), kind: "waiting", detail: "alone")]
        report.waitsFor = "a connector"
        report.wouldHelp = "start one"
        let text = RequestStory(report, now: at(700_000)).text
        #expect(text.contains("  08:34:56.000     +0.000 s  its caller brought it\n"))
        #expect(text.contains("  08:44:56.000  +10 min 0 s  nobody could take it: alone\n"))
        #expect(
            text.hasSuffix(
                "It is waiting after 0 attempts, 48 min 20 s left.\nIt waits for a connector.\nWould help: start one\n")
        )
        #expect(RequestStory(report, now: at(3_600_000)).text.contains("its deadline has passed"))
    }

    @Test(
        "every end has its words",
        arguments: [
            ("unknown", "It ended with an unknown outcome after 5.000 s and 1 attempt: gw-1 is gone."),
            ("cancelled", "It was cancelled after 5.000 s and 1 attempt: gw-1 is gone."),
            ("dead_letter", "It is a dead letter after 5.000 s and 1 attempt: gw-1 is gone."),
            ("failed", "It failed after 5.000 s and 1 attempt, a_code: gw-1 is gone."),
        ])
    func ends(state: String, line: String) {
        var report = report(state)
        report.endedAt = at(5000)
        report.outcome = .init(code: "a_code", detail: "gw-1 is gone")
        #expect(RequestStory(report, now: at(9000)).text.contains(line))
    }

    @Test("an outcome that became known says that it was unknown")
    func resolved() {
        var report = report("answered")
        report.endedAt = at(8 * 3_600_000)
        report.outcome = .init(status: 200)
        report.resolved = true
        #expect(
            RequestStory(report, now: at(9 * 3_600_000)).text.contains(
                "It was answered with status 200 after 8 h 0 min and 1 attempt; its outcome had been unknown."))
    }
}

@Suite("Times in the API")
struct TimestampTests {
    @Test("they are those of ISO 8601, both ways")
    func calendar() throws {
        var random = SplitMix(seed: 7)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for _ in 0..<2000 {
            let milliseconds = UInt64.random(in: 0..<253_402_300_800_000, using: &random)
            let time = Timestamp(milliseconds: milliseconds)
            let date = try #require(try? Date(time.text, strategy: style))
            #expect(UInt64((date.timeIntervalSince1970 * 1000).rounded()) == milliseconds, "\(time.text)")
            #expect(Timestamp(time.text) == time)
        }
        #expect(Timestamp(milliseconds: 0).text == "1970-01-01T00:00:00.000Z")
        #expect(Timestamp(milliseconds: .max).text == "9999-12-31T23:59:59.999Z")
        #expect(Timestamp("2024-02-29T12:00:00Z")?.text == "2024-02-29T12:00:00.000Z")
        #expect(Timestamp("2024-02-29T12:00:00.1Z")?.text == "2024-02-29T12:00:00.100Z")
    }

    @Test(
        "what is no time is refused",
        arguments: [
            "", "now", "2023-02-29T12:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00",
            "2024-01-01T00:00:00+01:00", "2024-01-01T00:00:00.Z", "1969-12-31T23:59:59Z", "2024-01-01 00:00:00Z",
        ])
    func malformed(text: String) {
        #expect(Timestamp(text) == nil)
    }
}
