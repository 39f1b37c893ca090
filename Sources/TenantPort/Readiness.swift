/// Whether a tenant can serve calls.
public enum Readiness: Sendable, Equatable {
    /// It can.
    case ready
    /// It cannot, and why.
    case notReady(String)
}
