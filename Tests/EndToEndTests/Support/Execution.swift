/// What the recording service wrote down about one request that it was asked to do.
struct Execution: Sendable {
    var method: String
    /// The connector that asked, where its configuration says it.
    var connector: String?
    /// The request's `Idempotency-Key`.
    var key: String?
    var begun: ContinuousClock.Instant
    /// When it was answered or abandoned; nil while it runs.
    var ended: ContinuousClock.Instant?
    /// Whether the connection went away before the answer.
    var wasAbandoned = false
}
