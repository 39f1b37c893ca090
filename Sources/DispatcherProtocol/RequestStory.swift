/// The life of a request as a text for people: hop by hop, and last how it stands and what would help.
public struct RequestStory: Sendable {
    private let report: RequestReport
    private let now: Timestamp

    /// Tells a request's life as it stands at a moment.
    public init(_ report: RequestReport, now: Timestamp) {
        self.report = report
        self.now = now
    }

    /// The lines, each ended by a newline.
    public var text: String {
        var lines = head
        lines.append("")
        lines += timeline
        lines.append("")
        lines += foot
        return lines.map { $0 + "\n" }.joined()
    }

    // MARK: Head

    private var head: [String] {
        let kind = report.durable ? "submission" : "call"
        return [
            "Request \(report.requestID)",
            "  \(kind) of \(report.requestClass) to \(report.service) in \(report.group), by \(report.caller)",
            "  came \(report.submittedAt.text), must have ended by \(report.deadline.text)",
        ]
    }

    // MARK: Timeline

    private var timeline: [String] {
        guard !report.events.isEmpty else { return ["  (no history is kept)"] }
        let offsets = report.events.map { Self.offset(from: report.submittedAt, to: $0.at) }
        let width = offsets.map(\.count).max() ?? 0
        return zip(report.events, offsets).map { event, offset in
            let padding = String(repeating: " ", count: width - offset.count)
            return "  \(event.at.timeOfDay)  \(padding)\(offset)  \(Self.sentence(of: event))"
        }
    }

    private static func sentence(of event: RequestReport.Event) -> String {
        let connector = event.connector ?? "a connector"
        var text: String =
            switch event.kind {
            case "submitted": "its caller brought it"
            case "waiting": "nobody could take it"
            case "dispatched": event.connector.map { "sent to \($0)" } ?? "sent to the group's queue"
            case "not_sent": "the queue did not take it"
            case "accepted": "\(connector) has it and runs it"
            case "claimed": "\(connector) asked for the leave to start it"
            case "granted": "\(connector) got the leave to start it"
            case "refused": "\(connector) was refused the leave to start it"
            case "returned": "\(connector) gave it back, not started"
            case "suspected": "\(connector) may be gone"
            case "lost": "\(connector) is gone"
            case "asked": "\(connector) was asked how it stands"
            case "known": "\(connector) said how it stands"
            case "late": "a reply came from \(connector) that could not count any more"
            case "answered": "answered by \(connector)"
            case "failed": "ended without an answer"
            case "cancelled": "cancelled"
            case "resolved": "its unknown outcome became known"
            case "redriven": "taken up again"
            case "restored": "taken up from the ledger"
            default: event.kind
            }
        if let attempt = event.attempt, attempt > 0 { text += " (attempt \(attempt))" }
        // Where it was sent is said already.
        if let detail = event.detail, event.kind != "dispatched" || detail.contains("alone") { text += ": \(detail)" }
        return text
    }

    // MARK: Foot

    private var foot: [String] {
        var lines = ["It \(standing)."]
        if let waitsFor = report.waitsFor { lines.append("It waits for \(waitsFor).") }
        if let wouldHelp = report.wouldHelp { lines.append("Would help: \(wouldHelp)") }
        lines += (report.webhook ?? []).map(Self.sentence)
        return lines
    }

    private var standing: String {
        let attempts = report.attempt == 1 ? "1 attempt" : "\(report.attempt) attempts"
        guard let end = report.endedAt else {
            let holder = report.connector.map { " with \($0)" } ?? ""
            let left =
                now < report.deadline
                ? "\(Self.span(report.deadline.milliseconds - now.milliseconds)) left" : "its deadline has passed"
            return "is \(report.standing)\(holder) after \(attempts), \(left)"
        }
        let took = Self.span(end.milliseconds - min(end, report.submittedAt).milliseconds)
        let by = report.connector.map { " by \($0)" } ?? ""
        let detail = report.outcome?.detail.map { ": \($0)" } ?? ""
        return switch report.state {
        case "answered":
            "was answered\(by) with status \(report.outcome?.status ?? 0) after \(took) and \(attempts)"
                + (report.resolved == true ? "; its outcome had been unknown" : "")
        case "unknown": "ended with an unknown outcome after \(took) and \(attempts)\(detail)"
        case "cancelled": "was cancelled after \(took) and \(attempts)\(detail)"
        case "dead_letter": "is a dead letter after \(took) and \(attempts)\(detail)"
        default: "failed after \(took) and \(attempts), \(report.outcome?.code ?? "no reason")\(detail)"
        }
    }

    private static func sentence(of delivery: RequestReport.Delivery) -> String {
        let detail = delivery.detail.map { " (\($0))" } ?? ""
        let what = "Webhook \(delivery.name), \(delivery.type)"
        return switch delivery.state {
        case "delivered": "\(what): delivered at attempt \(delivery.attempts)."
        case "given_up": "\(what): given up after \(delivery.attempts) attempts\(detail)."
        default:
            delivery.attempts == 0
                ? "\(what): is being delivered."
                : "\(what): failed \(delivery.attempts) times\(detail), tried again at"
                    + " \(delivery.nextAttempt?.text ?? "once")."
        }
    }

    // MARK: Times

    private static func offset(from start: Timestamp, to moment: Timestamp) -> String {
        moment >= start
            ? "+" + span(moment.milliseconds - start.milliseconds)
            : "-" + span(start.milliseconds - moment.milliseconds)
    }

    /// A time as people say it: `0.412 s`, `75.000 s`, `12 min 5 s`, `3 h 20 min`.
    private static func span(_ milliseconds: UInt64) -> String {
        let seconds = milliseconds / 1000
        if seconds < 120 {
            let rest = String(milliseconds % 1000)
            return "\(seconds).\(String(repeating: "0", count: 3 - rest.count))\(rest) s"
        }
        if seconds < 7200 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds / 3600) h \(seconds / 60 % 60) min"
    }
}
