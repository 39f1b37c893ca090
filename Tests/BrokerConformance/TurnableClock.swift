public import BrokerCore
public import RelayFormat
internal import Synchronization

/// A clock that stands still until it is turned.
public final class TurnableClock: Sendable {
    private let moment: Mutex<RelayTime>

    /// Makes a clock that shows the given moment.
    public init(_ moment: RelayTime = RelayTime(milliseconds: 1_800_000_000_000)) {
        self.moment = Mutex(moment)
    }

    /// The clock as others read it.
    public var clock: RelayClock { RelayClock { self.moment.withLock { $0 } } }

    /// Turns the clock.
    public func advance(by time: Duration) {
        moment.withLock { $0 = $0 + time }
    }
}
