internal import BrokerCore
internal import Logging
public import RelayDelivery
public import RelayFormat
internal import Synchronization

/// What can be told of requests and connectors, and what can be ordered.
extension TenantDispatcher {
    /// The life of a request; nil when neither the ledger nor the memory has one of that id.
    public func life(of id: RequestID) async throws(SubmissionError) -> RequestLife? {
        let now = present
        let (open, isUnresolved) = machine.withLock { ($0.life(of: id, at: now), $0.isUnresolved(id)) }
        if let remembered = history.withLock({ $0[id] }) { return remembered }
        let kept =
            if let ledger {
                try await Self.read { () throws(LedgerError) in try await ledger.request(id, of: tenant) }
            } else {
                DurableRequest?.none
            }
        if let kept, kept.ending != nil { return RequestLife(kept, isUnresolved: isUnresolved) }
        if let open { return RequestLife(open, caller: kept?.caller ?? caller(of: id), webhook: kept?.webhook) }
        return kept.map { RequestLife($0, isUnresolved: isUnresolved) }
    }

    /// The newest requests, kept in the ledger or remembered; without bodies and, of the ledger's, without events.
    public func lives(matching filter: LedgerFilter) async throws(SubmissionError) -> [RequestLife] {
        let now = present
        let calls = machine.withLock { machine in
            machine.openCalls(at: now).map {
                RequestLife($0, caller: machine.payload(of: $0.submission.id)?.caller ?? "")
            }
        }
        var lives = (calls + history.withLock { $0.newestFirst }).filter { $0.matches(filter) }
        if let ledger {
            let kept = try await Self.read { () throws(LedgerError) in
                try await ledger.requests(of: tenant, matching: filter)
            }
            lives += machine.withLock { machine in
                kept.map { RequestLife($0, isUnresolved: machine.isUnresolved($0.id)) }
            }
        }
        return Array(lives.sorted { $0.submittedAt > $1.submittedAt }.prefix(filter.limit))
    }

    private func caller(of id: RequestID) -> String {
        machine.withLock { $0.payload(of: id)?.caller } ?? ""
    }

    /// Cancels a request: at once when nothing has started, else by its connector.
    public func cancel(_ id: RequestID, by who: String) -> CancelVerdict {
        let now = present
        let (verdict, actions) = machine.withLock { $0.cancel(id, by: who, at: now) }
        act(on: actions)
        return verdict
    }

    /// The class of an HTTP request whose caller states none, as the connectors of the group say.
    public func requestClass(group: GroupID, service: String, method: String) -> RequestClass {
        machine.withLock { $0.presence.requestClass(group: group, service: service, method: method) }
    }

    /// The processes of a group's connectors, in no order.
    public func peers(of group: GroupID) -> [Peer] {
        machine.withLock { $0.presence.peers.values.filter { $0.offers[group] != nil } }
    }

    /// The processes of all connectors that have been seen lately, in no order.
    public func peers() -> [Peer] {
        machine.withLock { Array($0.presence.peers.values) }
    }

    /// How each connector of the tenant stands, by its id: as its newest process does.
    public var standings: [String: String] {
        let peers = peers().filter { $0.readiness != .observing }
        let newest = Dictionary(grouping: peers, by: \.member).compactMapValues { boots in
            boots.max { $0.bootNumber < $1.bootNumber }
        }
        return Dictionary(uniqueKeysWithValues: newest.map { ("\($0.key)", $0.value.standing.name) })
    }

    /// Sends an order to the live process of a connector.
    ///
    /// - Returns: false when it has none.
    public func order(_ message: GoAwayMessage, to member: MemberID) -> Bool {
        let live = peers().filter { $0.member == member && $0.readiness != .observing && $0.standing == .online }
        guard let newest = live.max(by: { $0.bootNumber < $1.bootNumber }) else { return false }
        logger.notice(
            "Connector is told to change", metadata: ["connector": "\(newest.name)", "order": "\(message.order)"])
        put(self.message(.goAway, message, to: newest.boot))
        return true
    }

    /// Counts a connector as lost that was revoked or frozen, and hears it no more; its links have to be closed before.
    public func shutOut(_ member: MemberID) {
        let now = present
        act(on: machine.withLock { $0.shutOut(member, at: now) })
    }

    /// Hears a connector again that was frozen.
    public func readmit(_ member: MemberID) {
        machine.withLock { $0.readmit(member) }
    }
}

extension RequestLife {
    func matches(_ filter: LedgerFilter) -> Bool {
        (filter.state.map { $0 == state } ?? true) && (filter.group.map { $0 == group } ?? true)
            && (filter.caller.map { $0 == caller } ?? true)
    }
}
