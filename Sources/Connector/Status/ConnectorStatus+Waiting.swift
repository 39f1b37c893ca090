internal import RelayFormat

extension ConnectorStatus {
    /// How a connector stands whose work has not begun, since the tenant does not answer or keeps it out.
    ///
    /// - Parameters:
    ///   - link: whether it is kept out or has no answer.
    ///   - reason: why, as the tenant said it.
    public init(
        waiting link: Connectivity, reason: String, tenant: String, connector: String, name: String, groups: [String],
        services: [String: String], version: String
    ) {
        let now = ContinuousClock.now
        let verdict = ConnectorVerdict(
            .init(
                link: link, proof: nil, standing: ConnectorStanding(.ready), standingSince: now, started: now,
                inFlight: 0),
            at: now)
        self.init(
            state: verdict.state,
            reason: verdict.state == .frozen ? "\(verdict.reason) (\(reason))" : verdict.reason,
            forSeconds: (now - verdict.since).inSeconds, nextAction: verdict.nextAction, tenant: tenant,
            connector: connector, name: name, groups: groups, services: services, boot: "", bootNumber: 0,
            version: version, inFlight: 0, requests: Requests(), finished: 0, dispatchers: 0, clockDriftSeconds: 0)
    }
}
