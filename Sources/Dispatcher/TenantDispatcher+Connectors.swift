internal import DispatcherProtocol
internal import RelayDelivery
internal import RelayFormat
internal import Synchronization

/// What operators see of connectors.
extension TenantDispatcher {
    /// Notes that boots have said something to this process, which proves both directions.
    func heard(_ boots: Set<BootID>, at now: ContinuousClock.Instant) {
        guard !boots.isEmpty else { return }
        answers.withLock { answers in
            for boot in boots { answers[boot] = now }
            // Those that are gone are forgotten; what is left is bounded by the processes that live.
            if answers.count > 2 * Self.rememberedAnswers {
                answers = answers.filter { now - $0.value < .seconds(60) }
            }
        }
    }

    private static let rememberedAnswers = 1024

    /// The newest process of each connector that has been seen lately, in the order of their names.
    func newestPeers() -> [Peer] {
        let peers = peers().filter { $0.readiness != .observing }
        return Dictionary(grouping: peers, by: \.member).compactMap { $0.value.max { $0.bootNumber < $1.bootNumber } }
            .sorted { ($0.name, "\($0.member)") < ($1.name, "\($1.member)") }
    }

    /// The connectors for people.
    func presence(at now: ContinuousClock.Instant) -> TenantPresence {
        let peers = newestPeers()
        return answers.withLock { answers in
            TenantPresence(
                connectors: peers.map { ConnectorPresence($0, lastAnswer: answers[$0.boot], at: now) })
        }
    }
}
