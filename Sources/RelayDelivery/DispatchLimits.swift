/// The bounds of a dispatcher's requests.
public struct DispatchLimits: Sendable {
    /// The most requests at a time.
    public var requests: Int
    /// The most dispatches of one request.
    public var attempts: UInt32
    /// How long a dispatch may stay without ACCEPTED while someone is free to take it.
    public var acceptance: Duration

    /// Makes the bounds.
    public init(requests: Int = 10_000, attempts: UInt32 = 5, acceptance: Duration = .seconds(1)) {
        self.requests = requests
        self.attempts = attempts
        self.acceptance = acceptance
    }
}
