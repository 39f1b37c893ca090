internal import BrokerCore
internal import Logging
internal import RelayDelivery
internal import RelayFormat
internal import RelayKeys
internal import Synchronization

/// Carries out what the table decides: says it, writes it down, looks it up.
extension ConnectorSession {
    func carryOut(_ steps: [Table.Step]) {
        guard !steps.isEmpty else { return }
        var accepted: [BootID: [DispatchName]] = [:]
        var claims: [BootID: [ClaimMessage.Claim]] = [:]
        var outgoing: [OutgoingMessage] = []
        var spent: [Carrier] = []
        var begun: [JournalRecord] = []
        var lookUps: [RequestID] = []
        var hasBegun = false
        for step in steps {
            switch step {
            case .accept(let dispatch):
                accepted[address(of: dispatch), default: []].append(dispatch.name)
            case .write(let dispatch):
                accepted[address(of: dispatch), default: []].append(dispatch.name)
                begun.append(journalRecord(dispatch, .started))
            case .claim(let dispatch, let isWritten):
                claims[address(of: dispatch), default: []].append(.init(dispatch.name, as: dispatch.requestClass))
                if !isWritten { begun.append(journalRecord(dispatch, .claimed)) }
            case .lookUp(let dispatch): lookUps.append(dispatch.id)
            case .deny(let dispatch, let failure): deny(dispatch, failure)
            case .respond(let reply): outgoing += response(reply)
            case .giveBack(let dispatch, let reason, let carriers):
                logger.debug("Request given back", metadata: ["request": "\(dispatch.id)", "reason": "\(reason)"])
                outgoing += record(.return, ReturnMessage(reason), to: address(of: dispatch), about: dispatch)
                spent += carriers
            case .interrupted(let dispatch, let carriers):
                outgoing += record(
                    .known, KnownMessage([.init(dispatch.name, .interrupted)]), to: address(of: dispatch),
                    about: dispatch)
                spent += carriers
            case .settle(_, let carriers): spent += carriers
            case .withdraw(let name): journal?.note([.withdrawn(name.request, attempt: name.attempt)])
            case .run: hasBegun = true
            case .wait, .stop: break
            }
        }
        if hasBegun { announcements.put(CollectionOfOne(())) }
        for (boot, names) in accepted { outgoing += record(.accepted, DispatchListMessage(names), to: boot) }
        for (boot, list) in claims { outgoing += record(.claim, ClaimMessage(list), to: boot) }
        outbox.put(outgoing)
        write(begun)
        lookUp(lookUps)
        settle(spent)
    }

    private func deny(_ dispatch: Table.Dispatch, _ failure: RequestFailure) {
        logger.notice(
            "Request denied by policy", metadata: ["request": "\(dispatch.id)", "reason": "\(failure.detail)"])
        finish(dispatch.id, .failed(failure))
    }

    // MARK: The journal

    private func write(_ begun: [JournalRecord]) {
        guard let journal, !begun.isEmpty else { return }
        let ids = begun.map(\.id)
        journal.submit(begun.map { .begun($0) }) { error in
            if let error {
                self.logger.warning(
                    "Requests given back, since their start cannot be written down",
                    metadata: ["requests": "\(ids.count)", "reason": "\(error)"])
            }
            let now = self.clock.now
            self.carryOut(
                self.change { error == nil ? $0.table.written(ids, at: now) : $0.table.notWritten(ids, at: now) })
        }
    }

    private func lookUp(_ ids: [RequestID]) {
        guard !ids.isEmpty else { return }
        // Owned by the session: ends with the journal's answer.
        Task {
            let found = await self.find(ids)
            let now = self.clock.now
            self.carryOut(
                self.change { state in
                    guard let found else { return state.table.notWritten(ids, at: now) }
                    var steps: [Table.Step] = []
                    for id in ids { steps += state.table.resolve(id, found[id], at: now) }
                    return steps
                })
        }
    }

    /// What the journal knows of requests; nil when it does not answer.
    private func find(_ ids: [RequestID]) async -> [RequestID: JournalRecord]? {
        guard let journal else { return [:] }
        do {
            return Dictionary(try await journal.find(ids).map { ($0.id, $0) }) { $1 }
        } catch {
            logger.error("Journal does not answer", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    private func journalRecord(_ dispatch: Table.Dispatch, _ progress: JournalRecord.State) -> JournalRecord {
        JournalRecord(
            id: dispatch.id, attempt: dispatch.attempt, requestClass: dispatch.requestClass, tenant: identity.tenant,
            group: dispatch.group, dispatcher: dispatch.dispatcher, deadline: dispatch.deadline, state: progress)
    }

    // MARK: Questions

    /// Answers ASK; what the table does not know is looked up in the journal first.
    func answer(_ names: [DispatchName], to boot: BootID) {
        let (known, replies) = state.withLock { $0.table.ask(names) }
        let open = zip(names, known).compactMap { $1 == nil ? $0.request : nil }
        guard journal != nil, !open.isEmpty else {
            return say(names, known, replies, found: [:], to: boot)
        }
        // Owned by the session: ends with the journal's answer.
        Task {
            // Without an answer of the journal, the dispatcher asks again.
            guard let found = await self.find(open) else { return }
            self.say(names, known, replies, found: found, to: boot)
        }
    }

    private func say(
        _ names: [DispatchName], _ known: [KnownMessage.Knowledge?], _ replies: [Table.Reply],
        found: [RequestID: JournalRecord], to boot: BootID
    ) {
        var outgoing = replies.flatMap { response($0) }
        let entries = zip(names, known).map { name, knowledge -> KnownMessage.Entry in
            if let knowledge { return .init(name, knowledge) }
            switch found[name.request]?.state {
            case .finished(let outcome):
                let outcome =
                    outcome ?? .failed(RequestFailure(.outcomeUnknown, "it ran; its answer is no longer kept"))
                outgoing += record(
                    .response, ResponseMessage(outcome), to: boot, correlation: name.request, attempt: name.attempt,
                    group: found[name.request]?.group ?? .none, lane: .data)
                return .init(name, .finished)
            case .interrupted: return .init(name, .interrupted)
            case nil, .claimed, .started:
                return .init(name, state.withLock { $0.table.deny(name, at: clock.now) })
            }
        }
        outbox.put(outgoing + record(.known, KnownMessage(entries), to: boot))
    }

    // MARK: Records

    private func address(of dispatch: Table.Dispatch) -> BootID {
        state.withLock { $0.address(of: dispatch) }
    }

    func response(_ reply: Table.Reply, to boot: BootID? = nil) -> [OutgoingMessage] {
        record(
            .response, ResponseMessage(reply.outcome), to: boot ?? address(of: reply.dispatch), about: reply.dispatch,
            lane: .data)
    }

    func record(
        _ kind: MessageKind, _ body: some MessageBody, to boot: BootID, about dispatch: Table.Dispatch? = nil,
        correlation: RequestID? = nil, attempt: UInt32 = 0, group: GroupID = .none, lane: Lane = .control
    ) -> [OutgoingMessage] {
        // A dispatcher of an earlier start that has not been heard yet: it is told as soon as it is.
        guard boot != .none else { return [] }
        do {
            return [
                try OutgoingMessage(
                    kind, body, to: .inbox(InboxPlace(tenant: identity.tenant, boot: boot)),
                    group: dispatch?.group ?? group, attempt: dispatch?.attempt ?? attempt,
                    correlation: correlation ?? dispatch?.id ?? .none,
                    expiresAt: dispatch?.deadline ?? clock.now + .seconds(30), lane: lane)
            ]
        } catch {
            logger.error("Message cannot be encoded", metadata: ["kind": "\(kind)", "reason": "\(error)"])
            return []
        }
    }
}
