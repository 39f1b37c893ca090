import BrokerCore
import RelayFormat
import Synchronization

/// The clock of everyone in a test, which can be put forward.
final class TurnedClock: Sendable {
    private let lead = Mutex(Duration.zero)

    var clock: RelayClock {
        RelayClock { [self] in RelayClock.system.now + lead.withLock { $0 } }
    }

    func turn(by span: Duration) { lead.withLock { $0 += span } }
}
