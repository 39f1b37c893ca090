internal import BrokerCore
internal import Logging
internal import RelayDelivery
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import Synchronization

/// Carries out what the machine decided.
extension TenantDispatcher {
    /// What is said to each boot in one go.
    private struct Sayings {
        var grants: [BootID: [DispatchName]] = [:]
        var receipts: [BootID: [RequestID]] = [:]
        var questions: [BootID: [DispatchName]] = [:]
        var stops: [BootID: [DispatchName]] = [:]
        var unwanted: [BootID: [DispatchName]] = [:]
    }

    /// Carries actions out in their order; called with no lock held.
    func act(on actions: [Machine.Action]) {
        guard !actions.isEmpty else { return }
        var outgoing: [OutgoingMessage] = []
        var sayings = Sayings()
        for action in actions {
            switch action {
            case .dispatch(let submission, let pending, let dispatch):
                outgoing += request(submission, pending, dispatch)
            case .grant(let boot, let name):
                sayings.grants[boot, default: []].append(name)
            case .cancel(let boot, let name, .stop):
                sayings.stops[boot, default: []].append(name)
            case .cancel(let boot, let name, .unwanted):
                sayings.unwanted[boot, default: []].append(name)
            case .ask(let boot, let names):
                sayings.questions[boot, default: []] += names
            case .receipt(let boot, let id):
                sayings.receipts[boot, default: []].append(id)
            case .invite(let boot):
                let invitation = InviteMessage(now: clock.now, bootNumber: bootNumber.withLock { $0 })
                outgoing += message(.invite, invitation, to: boot)
            case .dismiss(let boot):
                logger.notice("Connector process was replaced by a newer one", metadata: ["boot": "\(boot)"])
                outgoing += message(.goAway, GoAwayMessage(.replaced), to: boot)
            case .answer(let submission, let pending, let ending, let events):
                answer(submission, pending, ending, events)
            case .resolved(let submission, let ending, let events):
                resolved(submission, ending, events)
            case .record(let change, let then):
                entries.put(CollectionOfOne(Entry(change: change, actions: then)))
            case .close(let id):
                machine.withLock { $0.close(id) }
            }
        }
        for (boot, names) in sayings.grants { outgoing += message(.grant, DispatchListMessage(names), to: boot) }
        for (boot, names) in sayings.stops { outgoing += message(.cancel, CancelMessage(names, mode: .stop), to: boot) }
        for (boot, names) in sayings.unwanted {
            outgoing += message(.cancel, CancelMessage(names, mode: .unwanted), to: boot)
        }
        for (boot, names) in sayings.questions { outgoing += message(.ask, DispatchListMessage(names), to: boot) }
        outgoing += gather(sayings.receipts)
        put(outgoing)
    }

    /// Takes receipts in; the messages for those that wait no longer.
    private func gather(_ new: [BootID: [RequestID]]) -> [OutgoingMessage] {
        guard !new.isEmpty else { return [] }
        let rooms = machine.withLock { machine in new.keys.map { machine.room(of: $0) } }
        let (due, isFirst) = receipts.withLock { book in
            let wasEmpty = book.isEmpty
            let due = zip(new, rooms).map { new, room in (new.key, book.add(new.value, for: new.key, room: room)) }
            return (due, wasEmpty && !book.isEmpty)
        }
        if isFirst { receiptBell.put(CollectionOfOne(())) }
        return due.flatMap { boot, ids in ids.isEmpty ? [] : message(.receipt, ReceiptMessage(ids), to: boot) }
    }

    /// Says the receipts that have gathered.
    func sayReceipts() async {
        while await receiptBell.take() != nil {
            try? await Task.sleep(for: ReceiptBook.pause)
            let due = receipts.withLock { $0.takeAll() }
            put(due.flatMap { boot, ids in message(.receipt, ReceiptMessage(ids), to: boot) })
        }
    }

    private func answer(
        _ submission: Machine.Submission, _ pending: Pending, _ ending: RequestEnding, _ events: [RequestEvent]
    ) {
        guard !submission.isDurable else {
            ends.ended(submission.id)
            return
        }
        let isUnresolved = ending.isUnknown && machine.withLock { $0.isUnresolved(submission.id) }
        var life = RequestLife(
            id: submission.id, group: submission.group, service: submission.service, caller: pending.caller,
            submittedAt: submission.submittedAt, isDurable: false, webhook: nil,
            progress: RequestProgress(
                standing: .waiting, requestClass: submission.requestClass, attempt: ending.attempt, losses: 0,
                deadline: submission.deadline, holder: nil),
            ending: ending.withoutBody, events: events, waitsFor: "", wouldHelp: nil)
        if ending.isUnknown || ending.outcome.isFailure { life.conclude(isUnresolved: isUnresolved) }
        history.withLock { [life] in $0.remember(life) }
        // Whoever asks for the request as soon as its answer is there finds it.
        pending.waiter?.resume(
            returning: CallResult(
                request: submission.id, outcome: ending.outcome,
                connector: ending.connectorName ?? ending.connector?.description, attempt: ending.attempt))
    }

    private func resolved(_ submission: Machine.Submission, _ ending: RequestEnding, _ events: [RequestEvent]) {
        logger.notice(
            "Outcome that was unknown is settled",
            metadata: ["request": "\(submission.id)", "known": "\(!ending.isUnknown)"])
        history.withLock { history in
            history[submission.id]?.ending = ending.withoutBody
            history[submission.id]?.events = events
            history[submission.id]?.conclude(isUnresolved: false)
        }
    }

    private func request(
        _ submission: Machine.Submission, _ pending: Pending, _ dispatch: Machine.Dispatch
    ) -> [OutgoingMessage] {
        let until = min(submission.deadline, clock.now + RelayLimits.dispatch)
        let body = RequestMessage(
            service: submission.service, requestClass: submission.requestClass, deadline: submission.deadline,
            dispatchUntil: until, runsAlone: dispatch.runsAlone, operation: pending.operation)
        let place: Place =
            switch dispatch.route {
            case .group: .group(GroupPlace(tenant: tenant, group: submission.group))
            case .inbox(let boot): .inbox(InboxPlace(tenant: tenant, boot: boot))
            }
        if dispatch.attempt > 1 {
            logger.info(
                "Request is dispatched again",
                metadata: [
                    "request": "\(submission.id)", "attempt": "\(dispatch.attempt)", "route": "\(dispatch.route)",
                ])
        }
        do {
            return [
                try OutgoingMessage(
                    .request, body, to: place, group: submission.group, attempt: dispatch.attempt,
                    correlation: submission.id, expiresAt: until, lane: .data)
            ]
        } catch {
            fail(submission.id, attempt: dispatch.attempt, BrokerError(.tooLarge, "\(error)"))
            return []
        }
    }

    private func fail(_ id: RequestID, attempt: UInt32, _ error: BrokerError) {
        let isOverload = if case .overloaded = error.code { true } else { false }
        let now = present
        act(
            on: machine.withLock {
                $0.sendFailed(id, attempt: attempt, overloaded: isOverload, reason: error.message, at: now)
            })
    }

    func message(
        _ kind: MessageKind, _ body: some MessageBody, to boot: BootID, group: GroupID = .none,
        correlation: RequestID = .none
    ) -> [OutgoingMessage] {
        do {
            return [
                try OutgoingMessage(
                    kind, body, to: .inbox(InboxPlace(tenant: tenant, boot: boot)), group: group,
                    correlation: correlation,
                    expiresAt: clock.now + .seconds(30))
            ]
        } catch {
            logger.error("Message cannot be encoded", metadata: ["kind": "\(kind)", "reason": "\(error)"])
            return []
        }
    }

    // MARK: Sending

    func put(_ messages: [OutgoingMessage]) {
        guard !messages.isEmpty, !outbox.put(messages) else { return }
        let error = BrokerError(.overloaded(retryAfter: .seconds(1)), "the dispatcher's outbox is full")
        for message in messages { report(message, as: error) }
    }

    func runOutbox() async {
        await outbox.sendOn { batch -> (batch: [OutgoingMessage], sealed: SealedBatch)? in
            noteLeaving(batch)
            let sealed = await seal(batch)
            return sealed.records.isEmpty ? nil : (batch, sealed)
        } sending: { [self] batch, sealed in
            let outcomes = await broker.send(sealed.records)
            for (message, carrier) in zip(batch, sealed.carriers) {
                guard case .success(let index) = carrier, case .failed(let error) = outcomes[index] else { continue }
                report(message, as: error)
            }
        }
    }

    private func noteLeaving(_ batch: [OutgoingMessage]) {
        let requests = batch.compactMap { message in
            message.kind == .request ? DispatchName(request: message.correlation, attempt: message.attempt) : nil
        }
        if !requests.isEmpty { machine.withLock { $0.sent(requests, at: .now) } }
    }

    /// Seals a batch, and reports what cannot be sealed.
    private func seal(_ batch: [OutgoingMessage]) async -> SealedBatch {
        let sealed = await sealing.seal(batch, at: clock.now)
        for (message, carrier) in zip(batch, sealed.carriers) {
            guard case .failure(let error) = carrier else { continue }
            report(message, as: BrokerError(.overloaded(retryAfter: .seconds(1)), "\(error)"))
            // Nobody can be told anything before a session stands.
            if error.code == .unknownSession, case .inbox(let place) = message.place { invite(place.boot) }
        }
        return sealed
    }

    /// A request that was not sent goes back to the machine; all else is repeated by the protocol.
    private func report(_ message: OutgoingMessage, as error: BrokerError) {
        logger.debug("Record not sent", metadata: ["kind": "\(message.kind)", "reason": "\(error)"])
        if message.kind == .request { fail(message.correlation, attempt: message.attempt, error) }
    }

    // MARK: The ledger

    /// Writes decisions down, as many at a time as have gathered, and then does what follows from them.
    ///
    /// A ledger that cannot write holds everything durable up; nothing is done that it does not have.
    func keepLedger() async {
        guard let ledger else { return }
        while let batch = await entries.take() {
            var failures = 0
            while true {
                do throws(LedgerError) {
                    try await ledger.record(batch.map(\.change))
                    if failures > 0 { logger.notice("Ledger writes again", metadata: ["attempts": "\(failures)"]) }
                    break
                } catch {
                    failures += 1
                    if failures == 1 { logger.error("Ledger cannot write", metadata: ["reason": "\(error)"]) }
                    try? await Task.sleep(for: .milliseconds(200))
                    if Task.isCancelled { return }
                }
            }
            act(on: batch.flatMap(\.actions))
        }
    }
}

extension RequestEnding {
    /// The ending as it is remembered of calls.
    var withoutBody: RequestEnding {
        guard case .http(var content) = outcome else { return self }
        content.body = []
        content.headers = []
        var ending = self
        ending.outcome = .http(content)
        return ending
    }
}

extension ResponseMessage.Outcome {
    var isFailure: Bool {
        if case .failed = self { true } else { false }
    }
}
