internal import RelayFormat

/// How a connector stands, judged by the worst that is known of it: orders first, then the link, then proof.
struct ConnectorVerdict: Equatable {
    /// How old a proof may be before it proves nothing.
    static let proofLife = Duration.seconds(15)

    /// What is known of the connector.
    struct Evidence {
        var link: Connectivity
        var proof: ContinuousClock.Instant?
        var standing: ConnectorStanding
        /// Since when it stands like that.
        var standingSince: ContinuousClock.Instant
        var started: ContinuousClock.Instant
        /// How many requests are in hand.
        var inFlight: Int
    }

    var state: ConnectorStatus.State
    var reason: String
    var since: ContinuousClock.Instant
    var nextAction: String?

    /// Judges the evidence.
    init(_ evidence: Evidence, at now: ContinuousClock.Instant) {
        let note = evidence.standing.note.isEmpty ? "" : ": \(evidence.standing.note)"
        if evidence.standing.readiness == .draining {
            self.init(
                state: .draining, reason: "it was told to stop, and finishes \(evidence.inFlight) requests\(note)",
                since: evidence.standingSince)
            return
        }
        switch evidence.link {
        case .disconnected(let reason, let since, let attempts):
            self.init(
                state: .disconnected, reason: attempts == 0 ? reason : "\(reason) (\(attempts) attempts)", since: since,
                nextAction: "check that this machine reaches the tenant's URL; the connector goes on trying")
        case .frozen(let since):
            self.init(
                state: .frozen, reason: "frozen by the tenant, which hears nothing from it until it is let in again",
                since: since,
                nextAction: "ask the tenant's administrator for 'posternctl connectors unfreeze'; leave the service"
                    + " running, it comes back by itself")
        case .connected(let since):
            guard let proof = evidence.proof else {
                self.init(
                    state: .unproven, reason: "no dispatcher has answered yet", since: max(evidence.started, since),
                    nextAction: "if this lasts, ask the tenant's operator whether a dispatcher is running")
                return
            }
            guard now - proof < Self.proofLife else {
                self.init(
                    state: .unproven, reason: "no dispatcher has answered since the last proven round trip",
                    since: proof, nextAction: "ask the tenant's operator whether a dispatcher is running")
                return
            }
            if evidence.standing.readiness == .paused {
                self.init(
                    state: .paused, reason: "it was told to take no work\(note)", since: evidence.standingSince,
                    nextAction: "'postern resume' ends the pause")
                return
            }
            self.init(
                state: .online, reason: "the last round trip was proven \(Int((now - proof).inSeconds)) s ago",
                since: max(since, evidence.standingSince))
        }
    }

    private init(
        state: ConnectorStatus.State, reason: String, since: ContinuousClock.Instant, nextAction: String? = nil
    ) {
        self.state = state
        self.reason = reason
        self.since = since
        self.nextAction = nextAction
    }
}

extension Duration {
    /// The duration in seconds.
    var inSeconds: Double { self / .seconds(1) }
}
