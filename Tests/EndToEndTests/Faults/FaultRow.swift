import Foundation
import Testing

/// What a fault did to the requests that met it: one row of the table.
struct FaultRow: Codable, Sendable {
    /// Requests by class.
    struct ByClass: Codable, Sendable {
        var safe = 0
        var keyed = 0
        var once = 0
    }

    /// The number of the failure in PROTOCOL.md section 6.
    var number: String
    var failure: String
    var sent = 0
    /// Requests that the service began at least once.
    var executed = 0
    /// Requests with the service's own answer.
    var answered = 0
    /// Requests with a definite refusal.
    var refused = 0
    /// Requests answered by `outcome_unknown`.
    var unknown = 0
    /// Requests whose caller lost its connection, as when the tenant's process ends.
    var cutOff = 0
    /// Executions beyond the first of a request.
    var duplicates = ByClass()
    /// The longest time from a request to its answer, without what the service took.
    var worstWait = 0
    var note = ""

    /// Counts what became of requests.
    init(_ number: String, _ failure: String, _ traces: [RequestTrace], at service: RecordingService) {
        self.number = number
        self.failure = failure
        let executions = service.executions
        sent = traces.count
        for trace in traces {
            let times = executions[trace.path] ?? 0
            executed += times > 0 ? 1 : 0
            let again = max(0, times - 1)
            switch trace.kind {
            case .safe: duplicates.safe += again
            case .keyed: duplicates.keyed += again
            case .once: duplicates.once += again
            }
            switch trace.verdict {
            case .answered: answered += 1
            case .refused: refused += 1
            case .unknown: unknown += 1
            case .cutOff: cutOff += 1
            }
        }
        worstWait = traces.filter { $0.verdict != .cutOff }.map(\.wait).max()?.milliseconds ?? 0
    }

    /// Checks what holds in every case, and puts the row into the table.
    func report(_ traces: [RequestTrace], at service: RecordingService, _ location: SourceLocation = #_sourceLocation) {
        let executions = service.executions
        #expect(duplicates.once == 0, "a request of the class once ran twice", sourceLocation: location)
        for trace in traces {
            if trace.verdict == .answered {
                #expect(
                    executions[trace.path, default: 0] > 0, "\(trace.path) was answered and never ran",
                    sourceLocation: location)
            }
            if trace.verdict == .refused("another request's answer") {
                Issue.record("\(trace.path) got \(trace.detail)", sourceLocation: location)
            }
        }
        FaultTable.append(self)
    }
}

/// Checks many requests and says of those that fail how many they are and what a few of them were told.
func expectAll(
    _ traces: [RequestTrace], _ what: String, _ location: SourceLocation = #_sourceLocation,
    _ condition: (RequestTrace) -> Bool
) {
    let others = traces.filter { !condition($0) }
    guard !others.isEmpty else { return }
    let some = others.prefix(3).map {
        "\n    \($0.path) \($0.verdict) attempt \($0.attempt) wait \($0.wait) \($0.detail)"
    }
    Issue.record(
        "\(others.count) of \(traces.count) are not \(what):\(some.joined())", sourceLocation: location)
}
