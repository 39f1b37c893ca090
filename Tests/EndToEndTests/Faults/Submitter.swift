import Foundation
import NIOCore

/// A caller that submits and does not give up: it repeats under its key until the tenant has acknowledged, and asks for the
/// result until there is one.
struct Submitter {
    /// The tenant's report on a submission, as far as the tests need it.
    struct Report: Decodable {
        struct Failure: Decodable { var code: String }
        var request_id: String
        var state: String
        var attempt: Int?
        var body: String?
        var failure: Failure?
    }

    let site: Site

    /// Submits a request and waits for its end, at most a minute beyond its deadline.
    func submit(_ path: String, _ kind: RequestTrace.Kind, _ order: Load.Order) async -> RequestTrace {
        var trace = RequestTrace(
            path: path, kind: kind, isDurable: true, work: order.work, sent: .now, ended: .now, verdict: .cutOff)
        let end = ContinuousClock.now + order.deadline + .seconds(60)
        if let id = await acknowledgement(&trace, order, until: end) {
            trace.acknowledgedAs = id
            await follow(id, &trace, until: end)
        }
        trace.ended = .now
        return trace
    }

    /// The id of the submission, or nil if it was refused for good.
    private func acknowledgement(
        _ trace: inout RequestTrace, _ order: Load.Order, until end: ContinuousClock.Instant
    ) async -> String? {
        var fields = [
            #""service":"app""#, #""method":"\#(trace.kind.method)""#,
            #""path":"\#(trace.path)?hold=\#(order.work.milliseconds)\#(order.query)""#,
            #""deadline_seconds":\#(order.deadline / .seconds(1))"#,
        ]
        if let parking = order.parking { fields.append(#""park_until_seconds":\#(parking / .seconds(1))"#) }
        let body = "{" + fields.joined(separator: ",") + "}"
        let key = String(trace.path.dropFirst("/open/".count))
        while ContinuousClock.now < end, !Task.isCancelled {
            let answer = try? await site.http(
                "POST", "/v1/groups/site/submissions",
                headers: [("content-type", "application/json"), ("idempotency-key", key)], body: body,
                timeout: .seconds(10))
            if let answer, answer.status == 202 || answer.status == 200,
                let report = try? JSONDecoder().decode(Report.self, from: Data(answer.text.utf8))
            {
                return report.request_id
            }
            if let answer, answer.status != 429, answer.status < 500 {
                trace.verdict = .refused(answer.problem ?? "status \(answer.status)")
                trace.detail = String(answer.text.prefix(300))
                return nil
            }
            try? await Task.sleep(for: .milliseconds(100))
        }
        return nil
    }

    private func follow(_ id: String, _ trace: inout RequestTrace, until end: ContinuousClock.Instant) async {
        while ContinuousClock.now < end, !Task.isCancelled {
            let answer = try? await site.http(
                "GET", "/v1/groups/site/submissions/\(id)", headers: [("prefer", "wait=5")], timeout: .seconds(15))
            if let answer { trace.detail = String(answer.text.prefix(300)) }
            guard let answer, answer.status == 200,
                let report = try? JSONDecoder().decode(Report.self, from: Data(answer.text.utf8)),
                report.state != "open"
            else {
                try? await Task.sleep(for: .milliseconds(50))
                continue
            }
            trace.status = answer.status
            trace.attempt = report.attempt ?? 0
            trace.verdict =
                switch report.state {
                case "answered":
                    report.body == "served \(trace.path)" ? .answered : .refused("another request's answer")
                case "unknown": .unknown
                case "failed": .refused(report.failure?.code ?? "failed")
                default: .refused(report.state)
                }
            return
        }
    }
}
