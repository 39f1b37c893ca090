internal import BrokerCore
internal import ConnectorServices
internal import Logging
internal import RelayDelivery
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import Synchronization

/// Takes records from the queues and decides what each is.
extension ConnectorSession {
    func receive(from subscription: any GroupSubscription, group: GroupID) async {
        while let events = await subscription.next() {
            var arrivals: [Arrival] = []
            var slice = OpeningSlice()
            for event in events {
                switch event {
                case .delivered(let deliveries):
                    for delivery in deliveries {
                        let carrier = Carrier(group: group, token: delivery.token)
                        for envelope in open(delivery.payload, from: .group(group), [.request], carrier) {
                            arrivals.append(
                                Arrival(
                                    envelope: envelope, carrier: carrier, mayBeRedelivery: delivery.mayBeRedelivery))
                        }
                        if slice.ends() { admit(&arrivals) }
                    }
                case .revoked(let tokens):
                    let lost = Set(tokens)
                    state.withLock { $0.table.drop { $0.group == group && lost.contains($0.token) } }
                }
            }
            admit(&arrivals)
        }
    }

    func receive(from inbox: any Inbox) async {
        let kinds: Set<MessageKind> = [
            .request, .invite, .receipt, .pong, .grant, .ask, .cancel, .goAway, .welcome,
        ]
        while let payloads = await inbox.next() {
            var arrivals: [Arrival] = []
            var slice = OpeningSlice()
            for envelope in payloads.lazy.flatMap({ self.open($0, from: .inbox, kinds, nil) }) {
                if envelope.header.kind == .request {
                    arrivals.append(Arrival(envelope: envelope, carrier: nil, mayBeRedelivery: false))
                    if slice.ends() { admit(&arrivals) }
                } else {
                    // What was sent before is met before.
                    admit(&arrivals)
                    take(envelope, nil, mayBeRedelivery: false)
                }
            }
            admit(&arrivals)
        }
    }

    /// Takes one message that was opened.
    func take(_ envelope: Envelope, _ carrier: Carrier?, mayBeRedelivery: Bool) {
        guard envelope.header.kind != .request else {
            return admit([Arrival(envelope: envelope, carrier: carrier, mayBeRedelivery: mayBeRedelivery)])
        }
        do throws(RelayFormatError) { try control(envelope) } catch { refuse(SealingError(unreadable: error)) }
    }

    func control(_ envelope: Envelope) throws(RelayFormatError) {
        switch envelope.header.kind {
        // That it could be opened confirms the session.
        case .welcome: break
        case .receipt:
            let receipt = try envelope.decode(ReceiptMessage.self)
            let settlement = state.withLock { $0.table.receipt(receipt.requests, at: clock.now) }
            settle(settlement.carriers)
            journal?.note(settlement.journaled.map { .receipted($0) })
        case .invite: invited(try envelope.decode(InviteMessage.self), by: envelope.header)
        case .pong:
            let id = envelope.header.correlation
            let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
                state.dispatchers.heard(envelope.header.sender, boot: envelope.header.boot, at: .now)
                return state.pings.removeValue(forKey: id)
            }
            waiter?.resume(returning: true)
        case .grant:
            let message = try envelope.decode(DispatchListMessage.self)
            carryOut(change { $0.table.grant(message.dispatches, at: clock.now) })
        case .cancel:
            let message = try envelope.decode(CancelMessage.self)
            carryOut(change { $0.table.cancel(message.dispatches, mode: message.mode, at: clock.now) })
        case .ask: answer(try envelope.decode(DispatchListMessage.self).dispatches, to: envelope.header.boot)
        case .goAway: obey(try envelope.decode(GoAwayMessage.self), from: envelope.header.sender)
        default: throw RelayFormatError(.foreign, in: "kind")
        }
    }

    private func invited(_ message: InviteMessage, by header: RelayHeader) {
        var isFirst = false
        let steps = change { state in
            isFirst = state.dispatchers.count == 0 && state.lastRoundTrip == nil
            guard
                state.dispatchers.invited(
                    by: header.sender, boot: header.boot, bootNumber: message.bootNumber, at: .now)
            else { return [] }
            return state.table.invited(by: header.sender, at: clock.now)
        }
        carryOut(steps)
        outbox.putUnsaid()
        if let hello = sealing.greeting(to: header.boot, at: clock.now) { outbox.put([hello]) } else { isFirst = true }
        if isFirst { ping(header.boot) }
    }

    private func obey(_ message: GoAwayMessage, from sender: MemberID) {
        record(.ordered(order: "\(message.order)", by: "\(sender)", note: message.note))
        switch message.order {
        case .replaced: yield(note: message.note)
        case .drain:
            let limit = message.until == .never ? configuration.drain : message.until - clock.now
            drain(atMost: limit, note: message.note)
        case .pause: pause(note: message.note, until: message.until == .never ? nil : message.until)
        case .resume: resume()
        }
    }

    /// A dispatch as it came from a queue.
    struct Arrival {
        var envelope: Envelope
        var carrier: Carrier?
        var mayBeRedelivery: Bool
    }

    /// Takes them out, and in.
    private func admit(_ arrivals: inout [Arrival]) {
        admit(arrivals)
        arrivals = []
    }

    func admit(_ arrivals: [Arrival]) {
        guard !arrivals.isEmpty else { return }
        var visitors: [Visitor] = []
        visitors.reserveCapacity(arrivals.count)
        var spent: [Carrier] = []
        for arrival in arrivals {
            do throws(SealingError) {
                visitors.append(try visitor(arrival))
            } catch {
                refuse(error)
                if let carrier = arrival.carrier { spent.append(carrier) }
            }
        }
        let now = clock.now
        for visitor in visitors where !visitor.dispatch.isInTime(at: now) {
            refuse(SealingError(.stale, "the request came after its time"))
        }
        let steps = state.withLock { state in
            let isSuspect = state.wake.isSuspect(at: .now)
            return visitors.map { admit($0, &state, isSuspect: isSuspect, at: now) }
        }
        carryOut(steps)
        settle(spent)
    }

    /// A dispatch that was read, and what this connector's configuration says of it.
    private struct Visitor {
        var dispatch: Table.Dispatch
        var message: RequestMessage
        var service: (any ConnectorService)?
        var offer: Table.Offer
        var carrier: Carrier?
    }

    private func visitor(_ arrival: Arrival) throws(SealingError) -> Visitor {
        let header = arrival.envelope.header
        try requireOwnGroup(header.group, carrier: arrival.carrier)
        let message: RequestMessage
        do throws(RelayFormatError) { message = try arrival.envelope.decode(RequestMessage.self) } catch {
            throw SealingError(unreadable: error)
        }
        let service = services[message.service]
        let ownClass = service?.requestClass(of: message.operation) ?? message.requestClass
        let dispatch = Table.Dispatch(
            id: header.correlation, attempt: header.attempt, group: header.group, dispatcher: header.sender,
            origin: header.boot, requestClass: message.requestClass.stricter(of: ownClass),
            deadline: message.deadline, dispatchUntil: message.dispatchUntil,
            mayBeRedelivery: arrival.mayBeRedelivery, runsAlone: message.runsAlone)
        return Visitor(
            dispatch: dispatch, message: message, service: service,
            offer: offer(of: message.operation, by: service, named: message.service),
            carrier: arrival.carrier)
    }

    private func admit(
        _ visitor: Visitor, _ state: inout State, isSuspect: Bool, at now: RelayTime
    ) -> Table.Step {
        var dispatch = visitor.dispatch
        if isSuspect { dispatch.mayBeRedelivery = true }
        var hasEntered = false
        let step = state.table.admit(
            dispatch, carrier: visitor.carrier, offer: visitor.offer,
            gate: {
                guard let gate = visitor.service?.gate else { return true }
                hasEntered = gate.enter()
                return hasEntered
            }, at: now)
        guard let service = visitor.service else { return step }
        let work = Work(message: visitor.message, service: service, hasEntered: hasEntered)
        switch step {
        case .run(let dispatch): begin(dispatch, work, &state)
        case .write, .claim, .lookUp, .wait:
            if state.work[dispatch.id] == nil { state.work[dispatch.id] = work }
        case .accept, .deny, .respond, .giveBack, .interrupted, .settle, .withdraw, .stop: break
        }
        return step
    }

    /// Says ACCEPTED of what has run for a moment; what is answered sooner needs no such word.
    func announce() async {
        while await announcements.take() != nil {
            var isDue = true
            while isDue, !Task.isCancelled {
                try? await Task.sleep(for: configuration.announcement)
                let started = state.withLock { state in
                    defer { isDue = state.table.hasUnannounced }
                    return state.table.takeUnannounced()
                }
                carryOut(started.map { .accept($0) })
            }
        }
    }

    private func offer(
        of operation: RequestMessage.Operation, by service: (any ConnectorService)?, named name: String
    ) -> Table.Offer {
        guard let service else { return .unknown }
        do {
            try service.authorize(operation)
            return .offered
        } catch {
            switch operation {
            case .http(let content):
                record(
                    .denied(
                        service: name, method: content.method, target: content.target, reason: error.detail))
            }
            return .denied(error)
        }
    }

    private func record(_ event: ConnectorEvent) {
        state.withLock { $0.recorder }?(event)
    }

    /// Compares the group in whose name a request came with the queue that brought it, or with those served here.
    private func requireOwnGroup(_ group: GroupID, carrier: Carrier?) throws(SealingError) {
        let isOwn = carrier.map { $0.group == group } ?? (identity.groups[group] != nil)
        guard isOwn else { throw SealingError(.foreignGroup, "the message is of another group than its queue") }
    }
}

extension RequestClass {
    /// Of two classes the one that allows less.
    fileprivate func stricter(of other: RequestClass) -> RequestClass { rawValue >= other.rawValue ? self : other }
}
