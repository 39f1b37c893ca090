public import RelayFormat

/// The present as the state machines see it: the tenant's wall clock for deadlines, a steady clock for silence.
public struct Moment: Sendable, Hashable {
    /// The tenant's clock.
    public var wall: RelayTime
    /// A clock that never jumps and counts sleep.
    public var steady: ContinuousClock.Instant

    /// Joins the two readings.
    public init(wall: RelayTime, steady: ContinuousClock.Instant) {
        self.wall = wall
        self.steady = steady
    }
}
