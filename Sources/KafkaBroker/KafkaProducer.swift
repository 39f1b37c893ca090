internal import BrokerCore
internal import CRDKafka
internal import KafkaTopology
internal import Logging
internal import RelayFormat
internal import Synchronization

/// The sending half of a process: one producer handle for all topics.
///
/// Whoever sends puts records into the library's queue, or leaves them for the pump while enough is under way, and waits
/// for nothing but the cluster's answers, which the pump brings.
final class KafkaProducer: PumpSink {
    private struct State: ~Copyable {
        var tickets = SendTickets()
        var gate = SendGate()
        /// Which of its partitions a group's next batch goes to.
        var turn = Int.random(in: 0..<1 << 16)
    }

    /// The most records of one array.
    static let largestSend = 100_000
    /// So many records of a group go to one partition before the next one has its turn.
    private static let run = 64

    private let layout: KafkaLayout
    private let limits: KafkaConfiguration.Limits
    private let clock: RelayClock
    private let topics = KafkaTopics()
    private let routes: SendRoutes
    private let state = Mutex(State())
    private let standing: ClusterStanding
    private let logger: Logger
    private let box = Mutex<KafkaHandle?>(nil)
    private let onFatal: @Sendable (KafkaProducer) -> Void

    /// Makes a producer.
    ///
    /// - Parameter onFatal: is told, once, that the handle is of no use any more.
    init(
        _ configuration: KafkaConfiguration, clock: RelayClock, standing: ClusterStanding, logger: Logger,
        onFatal: @escaping @Sendable (KafkaProducer) -> Void
    ) throws(KafkaError) {
        layout = configuration.layout
        limits = configuration.limits
        self.clock = clock
        routes = SendRoutes(configuration.layout, role: configuration.role, topics: topics)
        self.standing = standing
        self.logger = logger
        self.onFatal = onFatal
        let handle = try KafkaHandle(
            .producer, configuration, events: RD_KAFKA_EVENT_DR, sink: self, logger: logger,
            farewell: { [topics] raw, _ in
                // What is still on its way has had its time, or nobody waits for it any more.
                rd_kafka_purge(raw, Int32(RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT))
                topics.destroy()
            })
        box.withLock { $0 = handle }
    }

    private var handle: KafkaHandle? { box.withLock { $0 } }

    // MARK: Sending

    /// Stores records; see `Broker.send`.
    func send(_ records: [OutgoingRecord]) async -> [SendOutcome] {
        guard !records.isEmpty else { return [] }
        guard records.count <= Self.largestSend else {
            let error = BrokerError(.tooLarge, "\(records.count) records in one send; \(Self.largestSend) at most")
            return records.map { _ in .failed(error) }
        }
        guard let handle else { return records.map { _ in .failed(Self.closed) } }
        let targets = routes.known(records.lazy.map(\.place))
        let known = targets.compactMap { $0 }
        if known.count == records.count { return await send(records, to: known, through: handle) }
        // What is known does not wait for what has to be asked for, nor fail with it.
        let ready = records.indices.filter { targets[$0] != nil }
        async let sent = send(ready.map { records[$0] }, to: known, through: handle)
        let unknown = records.indices.filter { targets[$0] == nil }
        let answers = await routes.ask(for: Set(unknown.map { records[$0].place }), through: handle)
        var outcomes = [SendOutcome](repeating: .failed(Self.closed), count: records.count)
        var late: [(index: Int, target: SendRoutes.Target)] = []
        for index in unknown {
            switch answers[records[index].place] {
            case .success(let target): late.append((index, target))
            case .failure(let error): outcomes[index] = .failed(standing.noted(error))
            case nil: break
            }
        }
        let lately = await send(late.map { records[$0.index] }, to: late.map(\.target), through: handle)
        for (index, outcome) in zip(ready + late.map(\.index), await sent + lately) { outcomes[index] = outcome }
        return outcomes
    }

    private func send(
        _ records: [OutgoingRecord], to targets: [SendRoutes.Target], through handle: KafkaHandle
    ) async -> [SendOutcome] {
        guard !records.isEmpty else { return [] }
        switch handle.use({ post(records, targets) }) {
        case nil: return records.map { _ in .failed(Self.closed) }
        case .some(nil):
            let error = BrokerError(
                .overloaded(retryAfter: .milliseconds(100)), "too much waits to leave for the cluster")
            return records.map { _ in .failed(error) }
        case .some(let slot?):
            return await withCheckedContinuation { continuation in
                if let outcomes = state.withLock({ $0.tickets.await(slot, continuation) }) {
                    continuation.resume(returning: outcomes)
                }
            }
        }
    }

    /// Says that an inbox is closed, to whoever watches; nobody waits for it to arrive.
    func sayFarewell(of place: InboxPlace, until expiry: RelayTime) async {
        let name = layout.presenceTopic(of: place.tenant)
        guard let handle else { return }
        if topics.find(name) == nil { try? await topics.learn([name], through: handle) }
        guard let topic = topics.find(name) else { return }
        let key = KafkaRecordKey(
            content: .farewell, expiresAt: expiry, tenant: place.tenant, high: place.boot.high, low: place.boot.low)
        _ = handle.use { produce([], key, to: topic, layout.presencePartition(of: place.tenant), number: 0) }
    }

    /// Takes a send in; nil when too much waits already.
    private func post(_ records: [OutgoingRecord], _ targets: [SendRoutes.Target]) -> Int? {
        let (parcel, batch) = state.withLock { state -> (SendParcel?, Int?) in
            guard state.gate.waitingBytes < limits.backlogBytes else { return (nil, nil) }
            let parcel = SendParcel(
                slot: state.tickets.open(records.count), records: records, targets: targets, since: .now)
            return (parcel, state.gate.enter(parcel))
        }
        if let parcel, let batch { put([parcel], as: batch) }
        return parcel?.slot
    }

    /// Puts a batch into the library's queue; also what may go next when nothing of it got there.
    private func put(_ parcels: [SendParcel], as batch: Int) {
        var next: (batch: Int, parcels: [SendParcel])? = (batch, parcels)
        while let (batch, parcels) = next {
            let failed = fill(parcels, batch)
            next = failed.isEmpty ? nil : settle(failed)
        }
    }

    /// Puts records into the library's queue; those that did not get there, with what became of them.
    private func fill(_ parcels: [SendParcel], _ batch: Int) -> [(UInt, SendOutcome)] {
        var turn = state.withLock { state in
            for parcel in parcels { state.tickets.board(parcel.slot, batch: batch) }
            state.turn &+= 1
            return state.turn
        }
        let now = clock.now
        var settled: [(UInt, SendOutcome)] = []
        var run = 0
        for parcel in parcels {
            let isLate = ContinuousClock.now - parcel.since > limits.sendTime
            for (index, record) in parcel.records.enumerated() {
                let number = SendTickets.number(parcel.slot, index)
                if isLate {
                    let error = BrokerError(.notPersisted, "the cluster has not answered for \(limits.sendTime)")
                    settled.append((number, .failed(error)))
                    continue
                }
                if case .group = record.place {
                    if run == Self.run { (turn, run) = (turn &+ 1, 0) }
                    run += 1
                }
                if let outcome = put(record, to: parcel.targets[index], turn: turn, number: number, now: now) {
                    settled.append((number, outcome))
                }
            }
        }
        return settled
    }

    // MARK: Routing

    /// Puts a record into the library's queue; what became of it when it did not get there.
    private func put(
        _ record: OutgoingRecord, to target: SendRoutes.Target, turn: Int, number: UInt, now: RelayTime
    ) -> SendOutcome? {
        guard record.payload.count <= limits.largestPayload else {
            return .failed(
                BrokerError(.tooLarge, "\(record.payload.count) bytes; \(limits.largestPayload) at most"))
        }
        // Settled already; nobody would be given it.
        guard record.expiresAt > now else { return .stored }
        var key = KafkaRecordKey(
            content: .beat, expiresAt: record.expiresAt, tenant: record.place.tenant, high: 0, low: 0)
        let partition: Int32
        switch record.place {
        case .group(let place):
            (key.content, key.high, key.low) = (.work, place.group.high, place.group.low)
            partition = Self.partition(of: target.partitions, turn: turn)
        case .inbox(let place):
            let isControl = record.lane == .control
            (key.content, key.high, key.low) = (isControl ? .control : .data, place.boot.high, place.boot.low)
            partition = isControl ? layout.controlPartition(of: place.boot) : layout.dataPartition(of: place.boot)
        case .presence(let tenant): partition = layout.presencePartition(of: tenant)
        }
        switch produce(record.payload, key, to: target.topic, partition, number: number) {
        case nil: return nil
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
            return .failed(
                BrokerError(.overloaded(retryAfter: .milliseconds(100)), "too much waits to leave for the cluster"))
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
            return .failed(BrokerError(.tooLarge, "larger than message.max.bytes"))
        case let error?: return .failed(KafkaError(error, "record").asBrokerError)
        }
    }

    /// Takes partitions in turn, by steps of half of them: the assignor gives neighbours to one member.
    static func partition(of partitions: [Int32], turn: Int) -> Int32 {
        let count = partitions.count
        let half = count / 2
        let index = turn.magnitude % UInt(count)
        // Two rows, by turns one of each; the odd one at the end.
        guard half > 0, index < UInt(2 * half) else { return partitions[Int(index)] }
        return partitions[Int(index / 2) + (index % 2 == 0 ? 0 : half)]
    }

    /// Puts bytes into the library's queue, which copies them and waits for nobody.
    private func produce(
        _ payload: [UInt8], _ key: KafkaRecordKey, to topic: KafkaTopics.Topic, _ partition: Int32, number: UInt
    ) -> rd_kafka_resp_err_t? {
        let status = payload.withUnsafeBytes { payload in
            key.bytes.withUnsafeBytes { key in
                rd_kafka_produce(
                    topic.handle.pointer, partition, Int32(RD_KAFKA_MSG_F_COPY),
                    UnsafeMutableRawPointer(mutating: payload.baseAddress), payload.count, key.baseAddress, key.count,
                    UnsafeMutableRawPointer(bitPattern: number))
            }
        }
        return status == 0 ? nil : rd_kafka_last_error()
    }

    // MARK: Answers

    func take(_ event: OpaquePointer, of kind: Int32, in handle: KafkaHandle, on thread: borrowing BlockingThread) {
        switch kind {
        case RD_KAFKA_EVENT_DR:
            if let next = settle(reports(of: event)) { put(next.parcels, as: next.batch) }
        case RD_KAFKA_EVENT_ERROR:
            let error = rd_kafka_event_error(event)
            let reason = rd_kafka_event_error_string(event).map { String(cString: $0) } ?? ""
            guard error != RD_KAFKA_RESP_ERR__FATAL else {
                logger.error("Kafka producer is made anew", metadata: ["reason": "\(reason)"])
                return onFatal(self)
            }
            standing.note(KafkaError(error, reason))
        default: break
        }
    }

    func flush(in handle: KafkaHandle, on thread: borrowing BlockingThread) -> Int32 { 1000 }

    private func reports(of event: OpaquePointer) -> [(UInt, SendOutcome)] {
        var reports: [(UInt, SendOutcome)] = []
        var wasStored = false
        while let message = rd_kafka_event_message_next(event) {
            let number = UInt(bitPattern: message.pointee._private)
            let outcome = Self.outcome(of: message)
            if case .stored = outcome { wasStored = true }
            if number != 0 { reports.append((number, outcome)) }
        }
        if wasStored { standing.noteAnswer() }
        return reports
    }

    /// Tells the senders what became of their records; gives back what may go next.
    private func settle(_ reports: [(UInt, SendOutcome)]) -> (batch: Int, parcels: [SendParcel])? {
        var ready: [SendTickets.Ready] = []
        let next = state.withLock { state -> (batch: Int, parcels: [SendParcel])? in
            var counts: [Int: Int] = [:]
            for (number, outcome) in reports {
                guard let settled = state.tickets.settle(number, outcome) else { continue }
                counts[settled.batch, default: 0] += 1
                if let send = settled.ready { ready.append(send) }
            }
            var next: (batch: Int, parcels: [SendParcel])?
            for (batch, count) in counts { next = state.gate.answered(batch, count) ?? next }
            return next
        }
        for send in ready { send.continuation.resume(returning: send.outcomes) }
        return next
    }

    private static func outcome(of message: UnsafePointer<rd_kafka_message_t>) -> SendOutcome {
        let error = message.pointee.err
        if error == RD_KAFKA_RESP_ERR_NO_ERROR { return .stored }
        let reason = KafkaError(error, "the record was not stored")
        switch error {
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: return .failed(BrokerError(.tooLarge, reason.message))
        case _ where reason.code == .denied || reason.code == .authentication: return .failed(reason.asBrokerError)
        default:
            // Only what certainly never reached a disk may be called that.
            let isLost = rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED
            return .failed(BrokerError(isLost ? .notPersisted : .unknown, reason.message))
        }
    }

    private static let closed = BrokerError(.closed, "the broker is closed")

    /// Ends the producer, after all that is on its way, but not much longer than given.
    func close(within time: Duration) async {
        guard let handle else { return }
        try? await handle.ask { raw, _ in
            rd_kafka_flush(raw, Int32(time.milliseconds))
            return
        }
        await handle.close()
        box.withLock { $0 = nil }
        // What was purged is told by nobody any more.
        let left = state.withLock { state in
            state.gate.drain()
            return state.tickets.drain()
        }
        for send in left { send.continuation.resume(returning: send.outcomes) }
    }
}
