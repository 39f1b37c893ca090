import Synchronization

/// Says of a thing whether it is used for the first time.
final class Used: Sendable {
    private let flag = Atomic(false)

    /// Whether this is the first call.
    func first() -> Bool { !flag.exchange(true, ordering: .relaxed) }
}
