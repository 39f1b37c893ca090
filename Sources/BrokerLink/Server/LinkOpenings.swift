internal import BrokerCore
internal import RelayFormat

/// What one link has open at the broker, and the carrying out of everything but sends.
///
/// What the broker gives for an opening is written to the link by a task of its own, which stops while the link is full.
struct LinkOpenings {
    private enum Opening {
        case subscription(any GroupSubscription)
        case inbox(any Inbox, InboxWindow)
        case watch(any PresenceWatch)
    }

    private unowned let session: LinkSession
    private var openings: [UInt32: Opening] = [:]

    init(session: LinkSession) {
        self.session = session
    }

    /// Carries out all orders that wait: settlements first, as one for each subscription, then the rest in order.
    mutating func carryOut(_ orders: [LinkSession.Order], in group: inout DiscardingTaskGroup) async {
        await settle(orders)
        for order in orders {
            switch order {
            case .message(let message):
                await carryOut(message, in: &group)
                session.valve.release(message.cost)
            case .ended(let id):
                if openings.removeValue(forKey: id) != nil { session.outbox.put(.ended(id: id)) }
            }
        }
    }

    /// Closes everything, so that others get at once what this link held.
    mutating func closeAll() async {
        let all = openings
        openings = [:]
        for opening in all.values { await close(opening) }
    }

    private mutating func carryOut(_ message: ClientMessage, in group: inout DiscardingTaskGroup) async {
        guard let authorization = session.authorization else {
            guard case .authenticate(let token, let proof) = message else { return }
            return await session.authenticate(LinkCredential(token: token, proof: proof))
        }
        var opening: Opening?
        switch message {
        case .authenticate(let token, let proof):
            await session.authenticate(LinkCredential(token: token, proof: proof))
        case .subscribe(let id, let place, let member, let credit):
            opening = await open(id, objection: authorization.objection(toReading: place, as: member)) {
                (session, broker) async throws(BrokerError) in
                let credit = min(max(1, Int(credit)), session.server.configuration.maximumCredit)
                return .subscription(try await broker.subscribe(to: place, as: member, credit: credit))
            }
        case .openInbox(let id, let place):
            opening = await open(id, objection: authorization.objection(toReading: place)) {
                (_, broker) async throws(BrokerError) in
                .inbox(try await broker.openInbox(place), InboxWindow())
            }
        case .watchPresence(let id, let tenant):
            opening = await open(id, objection: authorization.objection(toWatching: tenant)) {
                (_, broker) async throws(BrokerError) in
                .watch(try await broker.watchPresence(of: tenant))
            }
        case .provision(let id, let place):
            opening = await open(id, objection: authorization.objection(toProvisioning: place)) {
                (_, broker) async throws(BrokerError) in
                try await broker.provision(place)
                return nil
            }
        case .close(let id):
            if let opening = openings.removeValue(forKey: id) { await close(opening) }
        case .inboxCredit(let id, let bytes):
            if case .inbox(_, let window)? = openings[id] { window.grant(Int(bytes)) }
        case .send, .complete, .extend: break
        }
        if let opening, let id = message.opens { start(opening, id, in: &group) }
    }

    private mutating func open(
        _ id: UInt32, objection: String?,
        _ make: (LinkSession, any Broker) async throws(BrokerError) -> Opening?
    ) async -> Opening? {
        do throws(BrokerError) {
            if let objection {
                session.server.count { $0.deniedOpenings += 1 }
                throw BrokerError(.denied, objection)
            }
            guard openings[id] == nil else { throw BrokerError(.denied, "the number is in use") }
            guard openings.count < session.server.configuration.maximumOpenings else {
                throw BrokerError(.overloaded(retryAfter: .seconds(1)), "the link has too much open")
            }
            let opening = try await make(session, session.server.broker)
            openings[id] = opening
            session.outbox.put(.opened(id: id))
            return opening
        } catch {
            session.outbox.put(.failed(id: id, error))
            return nil
        }
    }

    private func start(_ opening: Opening, _ id: UInt32, in group: inout DiscardingTaskGroup) {
        let session = session
        switch opening {
        case .subscription(let subscription):
            group.addTask {
                while let events = await subscription.next() {
                    session.outbox.put(events.flatMap { $0.messages(id: id) })
                    await session.outbox.room()
                }
                session.orders.put(CollectionOfOne(.ended(id)))
            }
        case .inbox(let inbox, let window):
            group.addTask {
                reading: while let records = await inbox.next() {
                    var rest = records[...]
                    while !rest.isEmpty {
                        guard await window.open() else { break reading }
                        session.outbox.put(.inbox(id: id, window.take(&rest)))
                        await session.outbox.room()
                    }
                }
                session.orders.put(CollectionOfOne(.ended(id)))
            }
        case .watch(let watch):
            group.addTask {
                while let events = await watch.next() {
                    for chunk in events.chunks(ofCost: \.cost) { session.outbox.put(.presence(id: id, chunk)) }
                    await session.outbox.room()
                }
                session.orders.put(CollectionOfOne(.ended(id)))
            }
        }
    }

    private func close(_ opening: Opening) async {
        switch opening {
        case .subscription(let subscription): await subscription.close()
        case .inbox(let inbox, let window):
            window.close()
            await inbox.close()
        case .watch(let watch): await watch.close()
        }
    }

    private func settle(_ orders: [LinkSession.Order]) async {
        guard session.principal != nil else { return }
        var completions = SettlementBatch()
        var extensions = SettlementBatch()
        for case .message(let message) in orders {
            switch message {
            case .complete(let request, let id, let tokens): completions.add(request, id, tokens)
            case .extend(let request, let id, let tokens): extensions.add(request, id, tokens)
            default: break
            }
        }
        await settle(completions) { subscription, tokens async throws(BrokerError) in
            try await subscription.complete(tokens)
        }
        await settle(extensions) { subscription, tokens async throws(BrokerError) in
            try await subscription.extend(tokens)
        }
    }

    private func settle(
        _ batch: SettlementBatch,
        _ act: (any GroupSubscription, [DeliveryToken]) async throws(BrokerError) -> [DeliveryToken]
    ) async {
        for (id, requests) in batch.requests {
            guard case .subscription(let subscription)? = openings[id] else {
                // What is not open any more has lost all its leases.
                session.outbox.put(requests.map { .settled(request: $0.request, fenced: $0.tokens) })
                continue
            }
            do throws(BrokerError) {
                let fenced = Set(try await act(subscription, requests.flatMap(\.tokens)))
                session.outbox.put(
                    requests.map { .settled(request: $0.request, fenced: $0.tokens.filter(fenced.contains)) })
            } catch {
                session.outbox.put(requests.map { .failed(id: $0.request, error) })
            }
        }
    }
}
