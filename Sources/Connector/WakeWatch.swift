/// Notices that the process was stopped: what it finds in its queues then may have been given to others long ago.
struct WakeWatch: Sendable {
    /// The longest pause between two ticks of a process that runs.
    static let longestPause = Duration.seconds(2)

    private var lastTick: ContinuousClock.Instant
    private var suspectUntil: ContinuousClock.Instant

    init(at now: ContinuousClock.Instant) {
        lastTick = now
        suspectUntil = now
    }

    /// The process runs; called several times a second.
    mutating func tick(at now: ContinuousClock.Instant) {
        if now - lastTick > Self.longestPause { suspectUntil = now + Self.longestPause }
        lastTick = now
    }

    /// Whether what arrives now may have waited while the process stood still.
    func isSuspect(at now: ContinuousClock.Instant) -> Bool {
        now - lastTick > Self.longestPause || now < suspectUntil
    }
}
