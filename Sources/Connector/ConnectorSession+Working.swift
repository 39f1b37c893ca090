internal import BrokerCore
internal import ConnectorServices
internal import Logging
internal import Metrics
internal import RelayDelivery
internal import RelayFormat
internal import Synchronization

/// Runs requests, and settles their records.
extension ConnectorSession {
    /// Changes the table, and starts and stops handlers in the same breath, so that a cancel finds its handler.
    func change(_ body: (inout State) -> [Table.Step]) -> [Table.Step] {
        state.withLock { state in
            let steps = body(&state)
            for step in steps {
                switch step {
                case .run(let dispatch):
                    guard let work = state.work.removeValue(forKey: dispatch.id) else {
                        preconditionFailure("what is to run was admitted with its work")
                    }
                    begin(dispatch, work, &state)
                case .giveBack(let dispatch, _, _), .interrupted(let dispatch, _):
                    state.work.removeValue(forKey: dispatch.id)?.leave()
                case .settle(let id, _): state.work.removeValue(forKey: id)?.leave()
                case .respond(let reply): state.work.removeValue(forKey: reply.dispatch.id)?.leave()
                case .stop(let id): state.handlers[id]?.cancel()
                case .accept, .write, .claim, .lookUp, .wait, .deny, .withdraw: break
                }
            }
            return steps
        }
    }

    /// Starts a handler.
    func begin(_ dispatch: Table.Dispatch, _ work: Work, _ state: inout State) {
        // Owned by the session, which tears it down on CANCEL and waits for it before its own end.
        state.handlers[dispatch.id] = Task { await self.perform(dispatch, work) }
    }

    private func perform(_ dispatch: Table.Dispatch, _ work: Work) async {
        let outcome = await outcome(of: dispatch, work)
        work.leave()
        if case .failed(let failure) = outcome {
            logger.notice(
                "Service gave no answer",
                metadata: [
                    "request": "\(dispatch.id)", "service": "\(work.message.service)", "reason": "\(failure)",
                ])
        }
        if let journal, dispatch.requestClass != .safe {
            await finish(dispatch, outcome, in: journal)
        } else {
            finish(dispatch.id, outcome)
        }
    }

    private func outcome(of dispatch: Table.Dispatch, _ work: Work) async -> ResponseMessage.Outcome {
        let left = dispatch.deadline - clock.now
        guard !Task.isCancelled else {
            return .failed(RequestFailure(.cancelled, "cancelled before the service was asked"))
        }
        guard left > .zero else {
            return .failed(RequestFailure(.deadlineExceeded, "the deadline passed before the service was asked"))
        }
        return await work.service.perform(work.message.operation, as: dispatch.requestClass, timeout: left)
    }

    /// Writes the outcome down before anyone hears it.
    private func finish(
        _ dispatch: Table.Dispatch, _ outcome: ResponseMessage.Outcome, in journal: any ExecutionJournal
    ) async {
        let (ending, isAbandoned) = state.withLock { ($0.table.ending(of: dispatch.id, outcome), $0.isAbandoning) }
        if isAbandoned, case .failed = ending {
            // The journal will say that it was interrupted, which is the truth.
            state.withLock { _ = $0.handlers.removeValue(forKey: dispatch.id) }
            return
        }
        do {
            try await journal.record([.finished(dispatch.id, ending)])
        } catch {
            logger.error("Outcome not written down", metadata: ["request": "\(dispatch.id)", "reason": "\(error)"])
        }
        finish(dispatch.id, ending)
    }

    func finish(_ id: RequestID, _ outcome: ResponseMessage.Outcome) {
        var reply: (reply: Table.Reply, boot: BootID)?
        let steps = change { state in
            state.finished += 1
            state.handlers[id] = nil
            let result = state.table.finish(id, outcome, at: clock.now)
            reply = result.reply.map { ($0, state.address(of: $0.dispatch)) }
            return result.steps
        }
        counters.finished.increment()
        if let reply { outbox.put(response(reply.reply, to: reply.boot)) }
        carryOut(steps)
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

}
