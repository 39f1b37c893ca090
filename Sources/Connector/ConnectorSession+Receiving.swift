internal import BrokerCore
internal import ConnectorServices
internal import Logging
internal import RelayDelivery
internal import RelayFormat
internal import Synchronization

/// Takes records from the queues and decides what each is.
extension ConnectorSession {
    func receive(from subscription: any GroupSubscription, group: GroupID) async {
        await withDiscardingTaskGroup { handlers in
            while let events = await subscription.next() {
                var arrivals: [Arrival] = []
                for event in events {
                    switch event {
                    case .delivered(let deliveries):
                        for delivery in deliveries {
                            arrivals.append(
                                Arrival(
                                    payload: delivery.payload, carrier: Carrier(group: group, token: delivery.token),
                                    mayBeRedelivery: delivery.mayBeRedelivery))
                        }
                    case .revoked(let tokens):
                        let lost = Set(tokens)
                        state.withLock { $0.table.drop { $0.group == group && lost.contains($0.token) } }
                    }
                }
                admit(arrivals, handlers: &handlers)
            }
        }
    }

    func receive(from inbox: any Inbox) async {
        await withDiscardingTaskGroup { handlers in
            while let payloads = await inbox.next() {
                var arrivals: [Arrival] = []
                for payload in payloads {
                    do throws(RelayFormatError) {
                        let envelope = try correspondent.open(
                            payload, allowing: [.request, .invite, .receipt, .pong])
                        if envelope.header.kind == .request {
                            arrivals.append(Arrival(payload: payload, carrier: nil, mayBeRedelivery: false))
                        } else {
                            try control(envelope)
                        }
                    } catch {
                        refuse(error)
                    }
                }
                admit(arrivals, handlers: &handlers)
            }
        }
    }

    func control(_ envelope: Envelope) throws(RelayFormatError) {
        switch envelope.header.kind {
        case .receipt:
            let receipt = try envelope.decode(ReceiptMessage.self)
            settle(state.withLock { $0.table.receipt(receipt.requests, at: clock.now) })
        case .invite:
            _ = try envelope.decode(InviteMessage.self)
            let isFirst = state.withLock { state in
                state.dispatchers.updateValue(.now, forKey: envelope.header.boot) == nil && state.lastRoundTrip == nil
            }
            if isFirst { ping(envelope.header.boot) }
        case .pong:
            let id = envelope.header.correlation
            let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
                state.dispatchers[envelope.header.boot] = .now
                return state.pings.removeValue(forKey: id)
            }
            waiter?.resume(returning: true)
        default:
            throw RelayFormatError(.foreign, in: "kind")
        }
    }

    /// A dispatch as it came from a queue.
    struct Arrival {
        var payload: [UInt8]
        var carrier: Carrier?
        var mayBeRedelivery: Bool
    }

    func admit(_ arrivals: [Arrival], handlers: inout DiscardingTaskGroup) {
        guard !arrivals.isEmpty else { return }
        var accepted: [BootID: [DispatchName]] = [:]
        var outgoing: [OutgoingRecord] = []
        var spent: [Carrier] = []
        for arrival in arrivals {
            do throws(RelayFormatError) {
                let envelope = try correspondent.open(arrival.payload, allowing: [.request])
                try requireOwnGroup(envelope.header.group, carrier: arrival.carrier)
                let message = try envelope.decode(RequestMessage.self)
                let dispatch = ExecutionTable<Carrier>.Dispatch(
                    id: envelope.header.correlation, attempt: envelope.header.attempt, group: envelope.header.group,
                    origin: envelope.header.boot, requestClass: message.requestClass, deadline: message.deadline,
                    dispatchUntil: message.dispatchUntil, mayBeRedelivery: arrival.mayBeRedelivery)
                let service = services[message.service]
                let verdict = state.withLock {
                    $0.table.admit(dispatch, carrier: arrival.carrier, isOffered: service != nil, at: clock.now)
                }
                let entry = DispatchName(request: dispatch.id, attempt: dispatch.attempt)
                switch verdict {
                case .start:
                    guard let service else { preconditionFailure("what is not offered is not started") }
                    accepted[dispatch.origin, default: []].append(entry)
                    handlers.addTask { await self.perform(dispatch, message, by: service) }
                case .running:
                    accepted[dispatch.origin, default: []].append(entry)
                case .repeat(let reply):
                    outgoing += response(reply)
                case .unknown:
                    let text = "the request came again after a connector or the queue was lost; it may have run"
                    finish(dispatch.id, .failed(RequestFailure(.outcomeUnknown, text)))
                case .giveBack(let reason):
                    outgoing += giveBack(dispatch, reason)
                    if let carrier = arrival.carrier { spent.append(carrier) }
                case .settle:
                    if let carrier = arrival.carrier { spent.append(carrier) }
                }
            } catch {
                refuse(error)
                if let carrier = arrival.carrier { spent.append(carrier) }
            }
        }
        for (origin, entries) in accepted {
            outgoing += record(.accepted, DispatchListMessage(entries), to: origin)
        }
        outbox.put(outgoing)
        settle(spent)
    }

    /// Compares the group in whose name a request came with the queue that brought it, or with those served here.
    private func requireOwnGroup(_ group: GroupID, carrier: Carrier?) throws(RelayFormatError) {
        let isOwn = carrier.map { $0.group == group } ?? (identity.groups[group] != nil)
        guard isOwn else { throw RelayFormatError(.foreign, in: "group") }
    }
}
