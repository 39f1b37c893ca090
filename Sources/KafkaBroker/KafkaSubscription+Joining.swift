internal import BrokerCore
internal import CRDKafka
internal import Logging
internal import Synchronization

/// How a subscription becomes a member of its consumer group, and leaves it.
extension KafkaSubscription {
    /// Becomes a member; returns when the first share is there, and fails when it does not come in time.
    func join(within time: Duration) async throws(BrokerError) {
        let failure: BrokerError? = await withCheckedContinuation { continuation in
            let isTaken = handle.perform { [self] thread in
                let isClosed = state.withLock { state in
                    if !state.isClosed {
                        state.joiners.append(continuation)
                        state.joinBy = .now + time
                    }
                    return state.isClosed
                }
                if isClosed { return continuation.resume(returning: Self.closed) }
                join(on: thread)
            }
            if !isTaken { continuation.resume(returning: BrokerError(.closed, "the broker is closed")) }
        }
        if let failure { throw failure }
    }

    /// Gives up waiting for the first share.
    func giveUpJoining() {
        refuseJoiners(BrokerError(.notPersisted, "the consumer group of \(topic) has given no share in time"))
    }

    static var closed: BrokerError { BrokerError(.closed, "the subscription was closed") }

    func join(on thread: borrowing BlockingThread) {
        let isNew = state.withLock { state in
            guard state.phase == .idle, !state.isClosed else { return false }
            (state.phase, state.isLeaving) = (.joining, false)
            return true
        }
        guard isNew else { return }
        let list = PartitionList(topic, [-1])
        let error = rd_kafka_subscribe(handle.raw, list.raw)
        if error != RD_KAFKA_RESP_ERR_NO_ERROR {
            fail(KafkaError(error, "consumer group of \(topic)"))
        }
    }

    /// Leaves; returns when others may have the partitions, and nothing is handed out any more.
    func depart(within time: Duration) async {
        let isNew = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isNew else { return }
        bell.close()
        await withCheckedContinuation { continuation in
            let isTaken = handle.perform { [self] thread in
                state.withLock { state in
                    state.leavers.append(continuation)
                    state.leaveBy = .now + time
                }
                quit(on: thread)
            }
            if !isTaken { continuation.resume() }
        }
    }

    func quit(on thread: borrowing BlockingThread) {
        let phase = state.withLock { state in
            state.isLeaving = true
            return state.phase
        }
        switch phase {
        case .idle: settleLeaving()
        case .assigning, .joining:
            state.withLock { $0.assignment += 1 }
            if phase == .assigning { rd_kafka_assign(handle.raw, nil) }
            rd_kafka_unsubscribe(handle.raw)
            state.withLock { $0.phase = .idle }
            settleLeaving()
        case .steady: rd_kafka_unsubscribe(handle.raw)
        case .revoking, .committing: break
        }
    }

    func settleLeaving() {
        let leavers = state.withLock { state in
            defer { state.leavers = [] }
            return state.leavers
        }
        for leaver in leavers { leaver.resume() }
        refuseJoiners(Self.closed)
    }

    /// Ends the subscription: the cluster refuses it.
    func fail(_ error: KafkaError) {
        logger.warning("Consumer group refused", metadata: ["topic": "\(topic)", "reason": "\(error)"])
        refuseJoiners(error.asBrokerError)
    }

    /// Tells those who wait for a share why there is none.
    private func refuseJoiners(_ error: BrokerError) {
        let joiners = state.withLock { state in
            defer { state.joiners = [] }
            return state.joiners
        }
        for joiner in joiners { joiner.resume(returning: error) }
    }
}
