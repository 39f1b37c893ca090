internal import Dispatch

/// The way out of the cooperative pool for work that blocks its thread.
public enum Blocking {
    /// Does the work on a thread that may block.
    ///
    /// A queue of its own: Dispatch gives it a thread beyond those that the global queues have, which on Linux are the
    /// very threads of Swift's tasks.
    /// - Throws: what the work throws.
    public static func run<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withCheckedContinuation { continuation in
            DispatchQueue(label: "blocking").async {
                continuation.resume(returning: Result { () throws(Failure) in try work() })
            }
        }
        return try result.get()
    }
}
