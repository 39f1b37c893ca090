public import BrokerCore
public import RelayFormat
internal import Synchronization

/// The tenant's time on this machine: an offset learned from round trips over TLS, carried on a clock that never jumps.
///
/// A wrong local clock is only noticed; it decides nothing. A broker that delays records cannot steer it.
public final class TenantClock: Sendable {
    private struct Anchor {
        var wall: RelayTime
        var steady: ContinuousClock.Instant
        var uncertainty: Duration
    }

    private let anchor: Mutex<Anchor>

    /// Starts from the local clock, until the tenant has been heard.
    public init() {
        anchor = Mutex(Anchor(wall: RelayClock.system.now, steady: .now, uncertainty: .seconds(86_400)))
    }

    /// The tenant's present.
    public var clock: RelayClock {
        RelayClock { [self] in
            anchor.withLock { $0.wall + (ContinuousClock.now - $0.steady) }
        }
    }

    /// Learns from an exchange with the tenant: the time it told lies between the asking and the answer.
    ///
    /// A reading replaces the last one when it is at least as certain, or the last one has aged for ten minutes.
    public func learn(tenantTime: RelayTime, asked: ContinuousClock.Instant, answered: ContinuousClock.Instant) {
        guard answered >= asked else { return }
        let uncertainty = (answered - asked) / 2
        anchor.withLock { anchor in
            let age = answered - anchor.steady
            guard uncertainty <= anchor.uncertainty || age > .seconds(600) else { return }
            anchor = Anchor(wall: tenantTime + uncertainty, steady: answered, uncertainty: uncertainty)
        }
    }

    /// How far the local clock is ahead of the tenant's; negative when it is behind.
    public var localDrift: Duration { RelayClock.system.now - clock.now }
}
