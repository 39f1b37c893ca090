internal import Synchronization

/// How many requests have been taken and not answered.
final class RequestGauge: Sendable {
    private let count = Atomic<Int>(0)

    var isZero: Bool { count.load(ordering: .relaxed) == 0 }

    func begin() { count.add(1, ordering: .relaxed) }

    func end() { count.subtract(1, ordering: .relaxed) }
}
