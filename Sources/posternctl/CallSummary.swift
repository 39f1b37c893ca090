internal import DispatcherProtocol
internal import HTTPProblems

/// What became of many calls: who answered, how long it took, what failed.
struct CallSummary: Codable, Sendable {
    /// How many calls were made.
    var calls = 0
    /// Answers by connector.
    var answered: [String: Int] = [:]
    /// Answers by status code.
    var statuses: [String: Int] = [:]
    /// Answers that took more than one dispatch.
    var dispatchedAgain = 0
    /// Failures by code.
    var failed: [String: Int] = [:]
    /// The middle, the 99th percentile and the longest of the times, in milliseconds.
    var p50 = 0.0
    var p99 = 0.0
    var longest = 0.0

    enum CodingKeys: String, CodingKey {
        case calls, answered, statuses, failed
        case dispatchedAgain = "dispatched_again"
        case p50 = "p50_ms"
        case p99 = "p99_ms"
        case longest = "longest_ms"
    }

    /// Makes `count` calls, `concurrency` at a time.
    static func gather(
        count: Int, concurrency: Int, call: @escaping @Sendable () async throws -> ServiceAnswer
    ) async -> CallSummary {
        var summary = CallSummary()
        var times: [Double] = []
        await withTaskGroup(of: (Result<ServiceAnswer, any Error>, Duration).self) { group in
            var started = 0
            func start() {
                started += 1
                group.addTask {
                    let begun = ContinuousClock.now
                    do {
                        let answer = try await call()
                        return (.success(answer), .now - begun)
                    } catch {
                        return (.failure(error), .now - begun)
                    }
                }
            }
            while started < min(count, concurrency) { start() }
            for await (result, time) in group {
                summary.add(result)
                times.append(time / .milliseconds(1))
                if started < count { start() }
            }
        }
        times.sort()
        if let last = times.last {
            summary.p50 = times[times.count / 2]
            summary.p99 = times[min(times.count - 1, times.count * 99 / 100)]
            summary.longest = last
        }
        return summary
    }

    private mutating func add(_ result: Result<ServiceAnswer, any Error>) {
        calls += 1
        switch result {
        case .success(let answer):
            answered[answer.header(RelayHeaders.connector) ?? "?", default: 0] += 1
            statuses["\(answer.status)", default: 0] += 1
            if (Int(answer.header(RelayHeaders.attempt) ?? "") ?? 1) > 1 { dispatchedAgain += 1 }
        case .failure(let problem as ProblemDetails):
            failed[problem.code, default: 0] += 1
        case .failure(let error):
            failed["\(error)", default: 0] += 1
        }
    }

    /// The summary for people.
    var table: TextTable {
        func list(_ counts: [String: Int]) -> String {
            counts.isEmpty
                ? "none" : counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        }
        func milliseconds(_ value: Double) -> String { "\((value * 100).rounded() / 100) ms" }
        return TextTable(facts: [
            ("calls", "\(calls)"), ("answered by", list(answered)), ("with status", list(statuses)),
            ("after another try", "\(dispatchedAgain)"), ("failed", list(failed)), ("p50", milliseconds(p50)),
            ("p99", milliseconds(p99)), ("longest", milliseconds(longest)),
        ])
    }
}
