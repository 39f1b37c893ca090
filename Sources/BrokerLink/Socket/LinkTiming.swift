/// How the two ends of a link notice that the other is gone.
public struct LinkTiming: Sendable {
    /// How often a ping is sent.
    public var ping: Duration
    /// After how long without a byte the link is given up.
    public var silence: Duration

    /// Makes a timing.
    public init(ping: Duration = .seconds(3), silence: Duration = .seconds(9)) {
        self.ping = ping
        self.silence = silence
    }
}
