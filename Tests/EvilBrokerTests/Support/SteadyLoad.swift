import Dispatcher
import RelayFormat
import Synchronization

/// So many calls a second, begun whether or not those before them have been answered, and what became of them.
final class SteadyLoad: Sendable {
    private struct State {
        var offered = 0
        var answered = 0
        var failures: [String] = []
        var times: [Duration] = []
        var lasted = Duration.zero
        var isOver = false
    }

    private let rate: Int
    private let state = Mutex(State())

    init(rate: Int) {
        self.rate = rate
    }

    var answered: Int { state.withLock { $0.answered } }
    var failures: [String] { state.withLock { $0.failures } }
    /// How many calls were begun in each second.
    var offeredRate: Double { state.withLock { Double($0.offered) / ($0.lasted / .seconds(1)) } }

    /// Begins no more calls.
    func stop() { state.withLock { $0.isOver = true } }

    /// Calls until it is told to stop, and waits for all answers.
    func run(_ tenant: EvilTenant, _ classes: [RequestClass]) async {
        await withDiscardingTaskGroup { group in
            let begun = ContinuousClock.now
            var number = 0
            while !state.withLock({ $0.isOver }) {
                // What the machine was too busy to begin in time is begun now.
                let due = Int((ContinuousClock.now - begun) / .seconds(1) * Double(rate))
                while number < due {
                    number += 1
                    let (target, requestClass) = ("/\(number)", classes[number % classes.count])
                    group.addTask { await self.call(tenant, target, requestClass) }
                }
                try? await Task.sleep(for: .milliseconds(4))
            }
            state.withLock { ($0.offered, $0.lasted) = (number, ContinuousClock.now - begun) }
        }
    }

    private func call(_ tenant: EvilTenant, _ target: String, _ requestClass: RequestClass) async {
        let begun = ContinuousClock.now
        let result = await tenant.call(target, class: requestClass, within: .seconds(30))
        state.withLock { state in
            state.answered += 1
            state.times.append(ContinuousClock.now - begun)
            if result.text != target { state.failures.append("\(target) \(requestClass): \(result.outcome)") }
        }
    }

    /// What happened, for people.
    var summary: String {
        state.withLock { state in
            let times = state.times.sorted()
            func milliseconds(_ share: Double) -> Int {
                times.isEmpty ? 0 : Int(times[Int(Double(times.count - 1) * share)] / .milliseconds(1))
            }
            return """
                \(state.offered) calls in \(state.lasted), \(state.failures.count) failed; \
                answered in \(milliseconds(0.5)) ms (half), \(milliseconds(0.99)) ms (99 of 100), \(milliseconds(1)) ms (all)
                """
        }
    }
}
