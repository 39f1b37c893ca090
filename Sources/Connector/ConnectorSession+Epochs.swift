internal import BrokerCore
internal import Logging
internal import RelayDelivery
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import Synchronization

/// What the epochs of sealing ask of a session: wait for them, tell of them, and give back what was sealed for another.
extension ConnectorSession {
    /// What the session can say of itself, with its epochs.
    public func fullStatus(
        link: Connectivity, localDrift: Duration, certificateNotAfter: String?, journal: ConnectorStatus.Journal?
    ) async -> ConnectorStatus {
        var status = status(
            link: link, localDrift: localDrift, certificateNotAfter: certificateNotAfter, journal: journal)
        guard let epochs else { return status }
        var known: [ConnectorStatus.Sealing.Epoch] = []
        for (group, name) in identity.groups {
            let standing = epochs.keyring.standing(of: group, at: clock.now)
            known.append(
                .init(
                    group: name, number: standing?.mark.number, ends: standing?.notAfter.text,
                    trouble: await epochs.trouble(of: group)))
        }
        let refused = Dictionary(uniqueKeysWithValues: refusals.reasons.map { ($0.key.rawValue, $0.value) })
        status.tell(.init(epochs: known.sorted { $0.group < $1.group }, refused: refused))
        return status
    }

    func holdsEpoch(of group: GroupID) -> Bool {
        guard let epochs else { return true }
        return epochs.keyring.standing(of: group, at: clock.now) != nil
    }

    /// Waits a while until the epochs of all groups are held.
    func awaitEpochs(within limit: Duration) async {
        guard let epochs else { return }
        await withDiscardingTaskGroup { tasks in
            for group in identity.groups.keys {
                tasks.addTask { _ = await epochs.wait(for: group, epoch: 1, within: limit) }
            }
        }
    }

    /// Joins the groups whose epochs come later than the session's start.
    func joinLateGroups() async {
        guard let epochs else { return }
        for group in identity.groups.keys where !holdsEpoch(of: group) {
            logger.warning("Group is not joined yet, since its key epoch is missing", metadata: ["group": "\(group)"])
        }
        await withDiscardingTaskGroup { tasks in
            for group in identity.groups.keys where state.withLock({ $0.subscriptions[group] == nil }) {
                tasks.addTask {
                    while !Task.isCancelled, await !epochs.wait(for: group, epoch: 1, within: .seconds(60)) {}
                    if !Task.isCancelled { self.orders.put([.joinGroups]) }
                }
            }
        }
    }

    /// Opens a record; one of a newer epoch than the one held is taken when that has come.
    ///
    /// - Returns: what is in it; nothing when it is refused, or waits.
    func open(
        _ payload: [UInt8], from source: MessageSource, _ kinds: Set<MessageKind>, _ carrier: Carrier?
    ) -> [Envelope] {
        let result = opener.open(payload, from: source, allowing: kinds) { group in
            identity.groups[group] != nil
        } later: { result in
            switch result {
            // Others may have been here before it: it is a redelivery for all that is known.
            case .success(let envelopes):
                for envelope in envelopes { self.take(envelope, carrier, mayBeRedelivery: true) }
            case .failure(let error): self.refuse(payload, error, carrier)
            }
        }
        switch result {
        case .success(let envelopes): return envelopes
        case .failure(let error): refuse(payload, error, carrier)
        case nil: break
        }
        return []
    }

    /// Refuses a record, which is settled; a request of an epoch that is not held goes back, if nothing of it is here.
    private func refuse(_ payload: [UInt8], _ error: SealingError, _ carrier: Carrier?) {
        refuse(error)
        if let carrier { settle([carrier]) }
        guard error.code == .unknownEpoch || error.code == .expiredEpoch,
            let header = try? Envelope(decoding: payload).header, header.kind == .request,
            // The highest number stands for what was begun and interrupted, which nobody but this process can know.
            header.attempt < .max
        else { return }
        let name = DispatchName(request: header.correlation, attempt: header.attempt)
        // The header is not proven: what is here already is not given back on its word.
        guard state.withLock({ $0.table.deny(name, at: clock.now) }) == .notKnown else { return }
        outbox.put(
            record(
                .return, ReturnMessage(.epoch), to: header.boot, correlation: name.request, attempt: name.attempt,
                group: header.group))
    }

    func refuse(_ error: SealingError) {
        refusals.count(error)
        logger.warning("Record refused", metadata: ["reason": "\(error.code.rawValue)", "detail": "\(error.detail)"])
    }
}
