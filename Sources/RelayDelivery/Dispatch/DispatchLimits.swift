/// The bounds of a dispatcher's requests.
public struct DispatchLimits: Sendable {
    /// The most requests at a time.
    public var requests: Int
    /// The most bytes that all requests together hold in memory.
    public var bytes: Int
    /// After how many losses of the connector that ran it a request is given up as a dead letter.
    public var losses: Int
    /// From how many losses on a request runs alone on its connector.
    public var lossesBeforeAlone: Int
    /// How long a dispatch may stay without ACCEPTED while someone is free to take it.
    public var acceptance: Duration
    /// How long a connector may be silent about a request before it is asked.
    public var silence: Duration
    /// The most requests of unknown outcome that are kept for their connector's return.
    public var unresolved: Int
    /// For how long they are kept.
    public var resolution: Duration

    /// Makes the bounds.
    public init(
        requests: Int = 10_000, bytes: Int = 256 << 20, losses: Int = 5, lossesBeforeAlone: Int = 2,
        acceptance: Duration = .seconds(1), silence: Duration = .seconds(5), unresolved: Int = 10_000,
        resolution: Duration = .seconds(86_400)
    ) {
        self.requests = requests
        self.bytes = bytes
        self.losses = losses
        self.lossesBeforeAlone = lossesBeforeAlone
        self.acceptance = acceptance
        self.silence = silence
        self.unresolved = unresolved
        self.resolution = resolution
    }
}
