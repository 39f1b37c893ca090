import Foundation
import Synchronization

/// Calls without a pause, sixteen at a time, each with a name of its own; every answer is kept count of.
final class SteadyLoad: Sendable {
    private let site: Site
    private let state = Mutex((next: 0, answered: 0, failures: [String](), isBodyDone: false))

    init(_ site: Site) {
        self.site = site
    }

    /// How many calls were answered by the service.
    var answered: Int { state.withLock { $0.answered } }
    /// What went wrong.
    var failures: [String] { state.withLock { $0.failures } }

    /// Calls until `body` has ended and the condition holds, for a minute at most.
    func run(until enough: @escaping @Sendable () -> Bool, _ body: () async throws -> Void) async throws {
        let end = ContinuousClock.now + .seconds(60)
        try await withThrowingTaskGroup { group in
            for _ in 0..<16 {
                group.addTask {
                    while ContinuousClock.now < end, !(self.isBodyDone && enough()) {
                        await self.callOnce()
                    }
                }
            }
            do {
                try await body()
            } catch {
                group.cancelAll()
                state.withLock { $0.isBodyDone = true }
                throw error
            }
            state.withLock { $0.isBodyDone = true }
            try await group.waitForAll()
        }
    }

    private var isBodyDone: Bool { state.withLock { $0.isBodyDone } }

    private func callOnce() async {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        let method = number % 2 == 0 ? "GET" : "POST"
        do {
            let answer = try await site.call("load-\(number)", holding: "20", method: method)
            state.withLock { state in
                state.answered += 1
                if answer.status != 200 {
                    state.failures.append("\(method) \(number): \(answer.status) \(answer.text)")
                }
            }
        } catch {
            state.withLock { $0.failures.append("\(method) \(number): \(error)") }
        }
    }
}
