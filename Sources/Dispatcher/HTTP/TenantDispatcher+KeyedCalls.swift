internal import BrokerCore
internal import RelayDelivery
internal import RelayFormat

/// Calls that bring a key: the ledger has them before anyone else does.
extension TenantDispatcher {
    /// Relays a call; one with a key is a submission that its caller waits for, so that a retry gets the same answer.
    func call(_ call: RelayedCall, groupName: String, key: IdempotencyKey?) async throws -> CallResult {
        guard let key, case .http(let content) = call.operation else { return await self.call(call) }
        // As any call, it does not wait for a connector.
        let submission = NewSubmission(
            call: call, groupName: groupName, idempotencyKey: key.text,
            fingerprint: IdempotencyKey.fingerprint(group: call.group, service: call.service, content: content),
            parkUntil: clock.now, webhook: nil)
        do {
            let id: RequestID
            switch try await submit(submission) {
            case .accepted(let new), .known(let new): id = new
            case .keyReused(let other): throw RelayAnswer.keyReused(other)
            }
            // The dispatcher ends what it has at the deadline; its word is worth a moment's patience.
            let patience = call.deadline - clock.now + .seconds(2)
            guard let request = try await result(of: id, waiting: patience), let ending = request.ending else {
                throw RelayAnswer.underWay(id)
            }
            return CallResult(
                request: id, outcome: ending.outcome,
                connector: ending.connectorName ?? ending.connector?.description, attempt: ending.attempt)
        } catch let error as SubmissionError {
            throw RelayAnswer.problem(error)
        }
    }
}
