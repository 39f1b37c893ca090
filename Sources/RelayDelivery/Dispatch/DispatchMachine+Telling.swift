public import RelayFormat

/// What can be told of a request that is open.
extension DispatchMachine {
    /// A request's life so far, and what would bring it on.
    public struct Life: Sendable {
        /// What was asked.
        public var submission: Submission
        /// How far it has come.
        public var progress: RequestProgress
        /// What happened to it, oldest first.
        public var events: [RequestEvent]
        /// What it waits for now.
        public var waitsFor: String
        /// What a person can do about it; nil when there is nothing to do.
        public var wouldHelp: String?
    }

    /// Tells of one open request; nil when it is not open.
    public func life(of id: RequestID, at now: Moment) -> Life? {
        guard let tracked = requests[id] else { return nil }
        let (waitsFor, wouldHelp) = outlook(of: tracked, at: now)
        return Life(
            submission: tracked.submission, progress: tracked.progress, events: tracked.events, waitsFor: waitsFor,
            wouldHelp: wouldHelp)
    }

    /// Tells of all open requests that the ledger does not keep.
    public func openCalls(at now: Moment) -> [Life] {
        requests.values.filter { !$0.submission.isDurable }.compactMap { life(of: $0.submission.id, at: now) }
    }

    /// The group to which a request goes; nil for one that is not tracked.
    public func group(of id: RequestID) -> GroupID? { requests[id]?.submission.group }

    /// Whether a request that ended as unknown may still be resolved.
    public func isUnresolved(_ id: RequestID) -> Bool { unresolved[id] != nil }

    private func outlook(of tracked: Tracked, at now: Moment) -> (waitsFor: String, wouldHelp: String?) {
        let name = tracked.holder?.name ?? "its connector"
        switch tracked.state {
        case .ending:
            return ("the ledger to write down how it ended", "look at the tenant's disk if this lasts")
        case .held(let boot), .granted(let boot):
            guard let peer = presence.peers[boot] else {
                return ("\(name) to be seen again after the dispatcher's restart", "start \(name) if it is not running")
            }
            let silence = (now.steady - peer.lastBeat).components.seconds
            guard peer.standing == .online else {
                return ("\(name), which has been silent for \(silence) s", "look at the service on \(name)'s machine")
            }
            return ("\(name) to finish it; its last sign of life came \(silence) s ago", nil)
        case .dispatched(let route, let since):
            let age = (now.steady - since).components.seconds
            let place =
                if case .inbox(let boot) = route { "\(self.name(of: boot))'s inbox" } else { "the group's queue" }
            return (
                "a connector to take it from \(place), where it has been for \(age) s",
                age > 2 ? "all connectors may be busy: start another one, or raise limits.in_flight" : nil
            )
        case .waiting:
            let (group, service) = (tracked.submission.group, tracked.submission.service)
            let prospects = presence.prospects(group: group, service: service)
            if !prospects.able.isEmpty {
                return ("room at a connector, or the next try", "start another connector, or raise its limits")
            }
            if prospects.anyone {
                return (
                    "a connector that offers \"\(service)\"",
                    "add the service to the configuration of a connector of the group"
                )
            }
            return (
                "a connector of the group to take work: \(presence.absence(of: group, at: now.steady))",
                "start a connector of the group, or resume a paused one"
            )
        }
    }
}
