/// How long to wait before the next attempt: full jitter below a limit that grows with the attempts and the outage.
///
/// The limit doubles from 50 ms to a second, and from then on is a tenth of the outage, at most a minute: a short outage
/// is over for the client at most a second after it is over, and a long one does not end in a stampede.
struct ReconnectBackoff {
    private static let base = Duration.milliseconds(50)
    private static let short = Duration.seconds(1)
    private static let ceiling = Duration.seconds(60)

    private(set) var attempts = 0

    /// Counts an attempt that failed, and draws the time until the next one.
    mutating func next(outage: Duration, using generator: inout some RandomNumberGenerator) -> Duration {
        attempts += 1
        let doubled = min(Self.base * (1 << min(attempts - 1, 10)), Self.short)
        let limit = min(max(doubled, outage / 10), Self.ceiling)
        return limit * Double.random(in: 0...1, using: &generator)
    }

    /// Counts an attempt of a frozen member, and draws the time until the next one: slow, and never slower, since what
    /// ends the wait is a person.
    mutating func nextWhileFrozen(using generator: inout some RandomNumberGenerator) -> Duration {
        attempts += 1
        return .milliseconds(Int.random(in: 3000...6000, using: &generator))
    }

    /// Begins anew after a success.
    mutating func reset() {
        attempts = 0
    }
}
