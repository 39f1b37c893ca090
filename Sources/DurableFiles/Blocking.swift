internal import Dispatch

/// The way out of the cooperative pool for work that blocks its thread.
public enum Blocking {
    /// Does the work on a thread that may block.
    ///
    /// - Throws: what the work throws.
    public static func run<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: Result { () throws(Failure) in try work() })
            }
        }
        return try result.get()
    }
}
