internal import BrokerCore
internal import ConnectorServices
internal import Logging
internal import Metrics
internal import RelayDelivery
internal import RelayFormat
internal import Synchronization

/// Runs requests, answers them, and settles their records.
extension ConnectorSession {
    func perform(
        _ dispatch: ExecutionTable<Carrier>.Dispatch, _ message: RequestMessage, by service: any ConnectorService
    ) async {
        do {
            try service.authorize(message.operation)
        } catch {
            logger.notice(
                "Request denied by policy",
                metadata: [
                    "request": "\(dispatch.id)", "service": "\(message.service)", "reason": "\(error.detail)",
                ])
            return finish(dispatch.id, .failed(error))
        }
        let outcome = await service.perform(
            message.operation, as: dispatch.requestClass, timeout: dispatch.deadline - clock.now)
        if case .failed(let failure) = outcome {
            logger.notice(
                "Service gave no answer",
                metadata: [
                    "request": "\(dispatch.id)", "service": "\(message.service)", "reason": "\(failure)",
                ])
        }
        finish(dispatch.id, outcome)
    }

    func finish(_ id: RequestID, _ outcome: ResponseMessage.Outcome) {
        let reply = state.withLock { state in
            state.finished += 1
            return state.table.finish(id, outcome, at: clock.now)
        }
        counters.finished.increment()
        if let reply { outbox.put(response(reply)) }
    }

    /// Settles the records of requests that are done with.
    func settle(_ carriers: [Carrier]) {
        guard !carriers.isEmpty else { return }
        for (group, members) in Dictionary(grouping: carriers, by: \.group) {
            guard let subscription = state.withLock({ $0.subscriptions[group] }) else { continue }
            // Owned by the session: ends with the broker's answer, and nothing depends on it but the record.
            Task { _ = try? await subscription.complete(members.map(\.token)) }
        }
    }

    func response(_ reply: ExecutionTable<Carrier>.Reply) -> [OutgoingRecord] {
        record(
            .response, ResponseMessage(reply.outcome), to: reply.dispatch.origin, about: reply.dispatch, lane: .data)
    }

    func giveBack(
        _ dispatch: ExecutionTable<Carrier>.Dispatch, _ reason: ReturnMessage.Reason
    ) -> [OutgoingRecord] {
        logger.debug("Request given back", metadata: ["request": "\(dispatch.id)", "reason": "\(reason)"])
        return record(.return, ReturnMessage(reason), to: dispatch.origin, about: dispatch)
    }

    func record(
        _ kind: MessageKind, _ body: some MessageBody, to boot: BootID,
        about dispatch: ExecutionTable<Carrier>.Dispatch? = nil, correlation: RequestID? = nil, lane: Lane = .control
    ) -> [OutgoingRecord] {
        let now = clock.now
        do {
            let payload = try correspondent.seal(
                kind, body, group: dispatch?.group ?? .none, attempt: dispatch?.attempt ?? 0,
                correlation: correlation ?? dispatch?.id ?? .none, at: now)
            let place = Place.inbox(InboxPlace(tenant: identity.tenant, boot: boot))
            let expiry = dispatch?.deadline ?? now + .seconds(30)
            return [OutgoingRecord(to: place, payload: payload, expiresAt: expiry, lane: lane)]
        } catch {
            logger.error("Message cannot be encoded", metadata: ["kind": "\(kind)", "reason": "\(error)"])
            return []
        }
    }

    func refuse(_ error: RelayFormatError) {
        counters.refused.increment()
        logger.warning("Record refused", metadata: ["reason": "\(error)"])
    }
}
