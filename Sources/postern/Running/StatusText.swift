internal import Connector
internal import Foundation

/// A status in lines for people.
struct StatusText {
    private let status: ConnectorStatus

    init(_ status: ConnectorStatus) {
        self.status = status
    }

    /// All lines, with ages.
    var lines: [String] {
        ["\(status.state.rawValue) for \(Self.age(status.forSeconds)): \(status.reason)"] + who + work + proof + after
    }

    /// The lines without what changes by the mere passing of time.
    var still: [String] {
        let reason = status.state == .online ? "a round trip is proven" : status.reason
        return ["\(status.state.rawValue): \(reason)"] + who + work + after
    }

    private var who: [String] {
        [
            "connector    \(status.name) (\(status.connector))",
            "tenant       \(status.tenant)",
            "groups       \(status.groups.joined(separator: ", "))",
            "services     "
                + status.services.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: ", "),
        ]
    }

    private var work: [String] {
        let requests = status.requests
        var lines = [
            "requests     \(requests.running) running, \(requests.claimed) waiting for leave, \(requests.answered)"
                + " answered and not receipted; \(status.finished) finished since the start"
        ]
        if let pause = status.pause {
            lines.append("paused       \(pause.until.map { "until \($0)" } ?? "until it is resumed"): \(pause.note)")
        }
        if let drain = status.drain {
            let end = drain.endsInSeconds.map { ", given up in \(Self.age($0))" } ?? ""
            lines.append("draining     \(drain.left) left\(end)\(drain.note.isEmpty ? "" : ": \(drain.note)")")
        }
        if let journal = status.journal {
            let oldest = journal.oldestUnreceiptedSeconds.map { ", oldest without a receipt \(Self.age($0))" } ?? ""
            lines.append("journal      \(journal.rows) requests, \(journal.bytes) bytes\(oldest)")
        }
        return lines
    }

    private var proof: [String] {
        guard let trip = status.lastRoundTrip else { return ["round trip   never proven"] }
        let text = trip.milliseconds.formatted(.number.precision(.fractionLength(2)))
        return ["round trip   \(text) ms, proven \(Self.age(trip.ageSeconds)) ago"]
    }

    private var after: [String] {
        var lines: [String] = []
        if let queue = status.queue, queue.kind != "embedded" {
            let details = [queue.security, queue.library].compactMap { $0 }.joined(separator: ", ")
            lines.append("queue        \(queue.kind) at \(queue.server)" + (details.isEmpty ? "" : " (\(details))"))
        }
        if let certificate = status.certificate {
            lines += Self.lines(of: certificate)
        } else if let end = status.certificateNotAfter {
            lines.append("certificate  until \(end)")
        }
        if let sealing = status.sealing { lines += Self.lines(of: sealing) }
        if abs(status.clockDriftSeconds) > 5 {
            lines.append("clock        \(Int(status.clockDriftSeconds)) s ahead of the tenant's")
        }
        lines.append("version      \(status.version), start \(status.bootNumber)")
        if let action = status.nextAction { lines.append("next         \(action)") }
        return lines
    }

    private static func lines(of certificate: ConnectorStatus.Certificate) -> [String] {
        var lines = [
            "certificate  generation \(certificate.generation), "
                + (certificate.hasEnded
                    ? "ended at \(certificate.notAfter), recoverable until \(certificate.recoveryEnds)"
                    : "until \(certificate.notAfter), renewed at \(certificate.renewAt)")
        ]
        if let last = certificate.lastRenewal { lines.append("renewal      last \(last.outcome) at \(last.at)") }
        if let trouble = certificate.trouble {
            lines.append("renewal      fails: \(trouble)\(certificate.nextTry.map { " (next try \($0))" } ?? "")")
        }
        return lines
    }

    private static func lines(of sealing: ConnectorStatus.Sealing) -> [String] {
        var lines = sealing.epochs.map { epoch in
            "key epoch    \(epoch.group): "
                + (epoch.number.map { "\($0), until \(epoch.ends ?? "")" } ?? "none, so nothing can be opened")
                + (epoch.trouble.map { "; \($0)" } ?? "")
        }
        if !sealing.refused.isEmpty {
            let reasons = sealing.refused.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            lines.append("refused      \(reasons.joined(separator: ", "))")
        }
        return lines
    }

    private static func age(_ seconds: Double) -> String {
        let whole = Int(max(0, min(seconds, 1e12)))
        switch whole {
        case ..<120: return "\(whole) s"
        case ..<7200: return "\(whole / 60) min"
        case ..<172_800: return "\(whole / 3600) h"
        default: return "\(whole / 86_400) days"
        }
    }
}
