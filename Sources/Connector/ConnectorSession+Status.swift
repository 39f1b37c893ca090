internal import ConnectorServices
internal import Foundation
internal import RelayDelivery
internal import RelayFormat
internal import Synchronization

extension ConnectorSession {
    /// What the session can say of itself.
    ///
    /// - Parameters:
    ///   - link: whether the queue is reached.
    ///   - localDrift: how far the local clock is ahead of the tenant's.
    ///   - certificateNotAfter: when the certificate ends, RFC 3339.
    ///   - journal: what the journal holds.
    public func status(
        link: Connectivity, localDrift: Duration = .zero, certificateNotAfter: String? = nil,
        journal: ConnectorStatus.Journal? = nil
    ) -> ConnectorStatus {
        let now = ContinuousClock.now
        return state.withLock { state in
            let proof = state.lastRoundTrip
            let standing = state.standing
            let count = state.table.count
            let tally = state.table.tally
            let requests = ConnectorStatus.Requests(
                claimed: tally.waiting, running: tally.running, answered: tally.finished)
            let verdict = ConnectorVerdict(
                .init(
                    link: link, proof: proof.map(\.at), standing: standing, standingSince: state.standingSince,
                    started: started, inFlight: count), at: now)
            return ConnectorStatus(
                state: verdict.state, reason: verdict.reason, forSeconds: (now - verdict.since).inSeconds,
                nextAction: verdict.nextAction, tenant: identity.tenantName, connector: "\(identity.member)",
                name: identity.name, groups: identity.groups.values.sorted(), services: services.kinds,
                boot: "\(identity.boot)", bootNumber: identity.bootNumber, version: configuration.version,
                inFlight: count, requests: requests, finished: state.finished,
                dispatchers: state.dispatchers.count,
                pause: standing.readiness == .paused ? .init(note: standing.note, until: standing.until?.text) : nil,
                drain: standing.readiness == .draining
                    ? .init(
                        left: count, endsInSeconds: state.endsBy.map { max(0, ($0 - now).inSeconds) },
                        note: standing.note) : nil,
                journal: journal,
                lastRoundTrip: proof.map {
                    .init(
                        milliseconds: $0.took.inSeconds * 1000, ageSeconds: (now - $0.at).inSeconds,
                        dispatcher: "\($0.dispatcher)")
                },
                clockDriftSeconds: localDrift.inSeconds, certificateNotAfter: certificateNotAfter)
        }
    }
}

extension RelayTime {
    /// The moment as RFC 3339, to the second; nil for `never`.
    var text: String? {
        guard self != .never else { return nil }
        return Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
    }
}
