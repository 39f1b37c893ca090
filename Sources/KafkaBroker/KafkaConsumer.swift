internal import BrokerCore
internal import CRDKafka
internal import KafkaTopology
internal import Logging
internal import RelayFormat
internal import Synchronization

/// The reading half of a process: one consumer handle for inboxes, presence, and one group's work.
///
/// Inboxes and presence are read from absolute offsets without a consumer group; the group's share comes and goes by
/// rebalances. All of it arrives in one queue, and is handed on in arrays at the end of each turn of the pump.
final class KafkaConsumer: PumpSink {
    private struct Reading {
        let topic: KafkaTopics.Topic
        /// Those that read, each with the offset that it has not come to yet.
        var readers: [(reader: any PartitionReader, from: Int64)] = []
        var isPaused = false

        mutating func advance(beyond last: Int64?) {
            guard let last else { return }
            for index in readers.indices { readers[index].from = max(readers[index].from, last + 1) }
        }
    }

    private struct Source: Hashable {
        var topic: OpaquePointer
        var partition: Int32
    }

    // Its pointers are names alone, and are not followed.
    private struct Gathered: @unchecked Sendable {
        var records: [Source: [FetchedRecord]] = [:]
        /// The names of topics by the handles that come with records; those handles live as long as the consumer.
        var names: [OpaquePointer: String] = [:]
    }

    let groupName: String?
    private let topics = KafkaTopics()
    private let readings = Mutex<[PartitionID: Reading]>([:])
    private let gathered = Mutex(Gathered())
    private let subscription = Mutex<KafkaSubscription?>(nil)
    private let standing: ClusterStanding
    private let logger: Logger
    private let box = Mutex<KafkaHandle?>(nil)

    init(
        _ configuration: KafkaConfiguration, group: GroupPlace?, standing: ClusterStanding, logger: Logger
    ) throws(KafkaError) {
        groupName = group.map(configuration.layout.consumerGroup)
        self.standing = standing
        self.logger = logger
        let handle = try KafkaHandle(
            .consumer(group: groupName), configuration,
            events: RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT, sink: self,
            logger: logger,
            farewell: { [topics, groupName] raw, _ in
                if groupName != nil { rd_kafka_consumer_close(raw) }
                topics.destroy()
            })
        box.withLock { $0 = handle }
    }

    var handle: KafkaHandle? { box.withLock { $0 } }

    // MARK: Inboxes and presence

    /// Asks where a partition ends, which shows that the cluster takes this consumer's credentials.
    func prove(_ partition: PartitionID) async throws(KafkaError) {
        guard let handle else { throw KafkaError(.closed, "the broker is closed") }
        try await handle.ask { [self] raw, thread throws(KafkaError) in
            _ = try topics.learn(partition.topic, of: raw, on: thread)
        }
    }

    /// Reads a partition no more for the reader; returns what it would have read next, nil where it read nothing.
    func handOver(_ partition: PartitionID, by reader: any PartitionReader) async -> Int64? {
        let next = readings.withLock { readings -> Int64? in
            guard let index = readings[partition]?.readers.firstIndex(where: { $0.reader === reader }) else {
                return nil
            }
            // From now on nothing is handed on to it here.
            return readings[partition]?.readers.remove(at: index).from
        }
        await stop(partition, for: reader)
        return next
    }

    /// Reads a partition, from its present end on where no offset is given; returns when nothing that is sent from now
    /// on can be missed.
    func read(
        _ partition: PartitionID, for reader: any PartitionReader, from offset: Int64? = nil
    ) async throws(KafkaError) {
        guard let handle else { throw KafkaError(.closed, "the broker is closed") }
        try await handle.ask { [self] raw, thread throws(KafkaError) in
            let topic = try topics.learn(partition.topic, of: raw, on: thread)
            guard partition.number < topic.partitions else {
                throw KafkaError(
                    .missing,
                    "topic \(partition.topic) has \(topic.partitions) partitions, and number \(partition.number) is"
                        + " needed; ‘postern-tenant kafka plan’ tells more")
            }
            let ends = try PartitionEnds(partition, of: raw, on: thread)
            standing.noteAnswer()
            // What has been deleted meanwhile had ended before.
            let start = offset.map { max($0, ends.low) } ?? ends.high
            let isNew = readings.withLock { readings in
                let isNew = readings[partition] == nil
                readings[partition, default: Reading(topic: topic)].readers.append((reader, start))
                return isNew
            }
            guard isNew else { return }
            let status = rd_kafka_consume_start_queue(topic.handle.pointer, partition.number, start, handle.queue)
            guard status == 0 else {
                readings.withLock { $0[partition] = nil }
                throw KafkaError(rd_kafka_last_error(), "reading of \(partition.topic)")
            }
        }
    }

    /// Reads a partition no more for the reader; returns when the last one's end has reached the library.
    func stop(_ partition: PartitionID, for reader: any PartitionReader) async {
        guard let handle else { return }
        try? await handle.ask { [self] _, _ in
            let left = readings.withLock { readings -> KafkaTopics.Topic? in
                readings[partition]?.readers.removeAll { $0.reader === reader }
                guard let reading = readings[partition], reading.readers.isEmpty else { return nil }
                readings[partition] = nil
                return reading.topic
            }
            if let left { rd_kafka_consume_stop(left.handle.pointer, partition.number) }
        }
    }

    // MARK: The group

    /// Joins the consumer group; a former subscription of this consumer has been closed.
    func subscribe(_ subscription: KafkaSubscription, within time: Duration) async throws(BrokerError) {
        guard let handle else { throw BrokerError(.closed, "the broker is closed") }
        do {
            // The library would learn a minute later that there is no such topic.
            try await topics.learn([subscription.topic], through: handle)
        } catch {
            throw standing.noted(error)
        }
        // One that was replaced meanwhile must not take its successor's place.
        self.subscription.withLock { present in
            if !subscription.isClosed { present = subscription }
        }
        try await subscription.join(within: time)
    }

    // MARK: On the pump

    func take(_ event: OpaquePointer, of kind: Int32, in handle: KafkaHandle, on thread: borrowing BlockingThread) {
        switch kind {
        case RD_KAFKA_EVENT_FETCH:
            while let message = rd_kafka_event_message_next(event) { gather(message) }
        case RD_KAFKA_EVENT_REBALANCE:
            let list = rd_kafka_event_topic_partition_list(event)
            if let subscription = subscription.withLock({ $0 }) {
                // What was fetched before belongs to the former assignment.
                handOn()
                subscription.rebalance(rd_kafka_event_error(event), list, on: thread)
            } else {
                rd_kafka_assign(handle.raw, nil)
            }
        case RD_KAFKA_EVENT_OFFSET_COMMIT:
            subscription.withLock { $0 }?.committed(rd_kafka_event_error(event))
        case RD_KAFKA_EVENT_ERROR:
            let code = rd_kafka_event_error(event)
            let error = KafkaError(code, rd_kafka_event_error_string(event).map { String(cString: $0) } ?? "")
            standing.note(error)
            if code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED
                || code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
            {
                subscription.withLock { $0 }?.fail(error)
            }
        default: break
        }
    }

    func flush(in handle: KafkaHandle, on thread: borrowing BlockingThread) -> Int32 {
        handOn()
        pauseOrResume(in: handle, on: thread)
        guard let subscription = subscription.withLock({ $0 }) else { return 1000 }
        guard let next = subscription.tend(on: thread) else { return 1000 }
        let left = next - ContinuousClock.now
        return left <= .zero ? 0 : Int32(min(1000, left.milliseconds + 1))
    }

    private func gather(_ message: UnsafePointer<rd_kafka_message_t>) {
        let record = message.pointee
        guard record.err == RD_KAFKA_RESP_ERR_NO_ERROR, let topic = record.rkt,
            let key = KafkaRecordKey(UnsafeRawBufferPointer(start: record.key, count: record.key_len))
        else {
            // Not ours; in a group's partition it must not hold up what follows.
            if record.err == RD_KAFKA_RESP_ERR_NO_ERROR { passOver(record) }
            return
        }
        let payload = [UInt8](UnsafeRawBufferPointer(start: record.payload, count: record.len))
        add(FetchedRecord(offset: record.offset, key: key, payload: payload), of: topic, record.partition)
    }

    private func passOver(_ record: rd_kafka_message_t) {
        guard let topic = record.rkt else { return }
        let key = KafkaRecordKey(
            content: .farewell, expiresAt: RelayTime(milliseconds: 0), tenant: .none, high: 0, low: 0)
        add(FetchedRecord(offset: record.offset, key: key, payload: []), of: topic, record.partition)
    }

    private func add(_ record: FetchedRecord, of topic: OpaquePointer, _ partition: Int32) {
        gathered.withLock { gathered in
            if gathered.names[topic] == nil { gathered.names[topic] = String(cString: rd_kafka_topic_name(topic)) }
            gathered.records[Source(topic: topic, partition: partition), default: []].append(record)
        }
    }

    private func handOn() {
        let batches = gathered.withLock { gathered -> [(PartitionID, [FetchedRecord])] in
            guard !gathered.records.isEmpty else { return [] }
            defer { gathered.records.removeAll(keepingCapacity: true) }
            return gathered.records.map { source, records in
                (PartitionID(topic: gathered.names[source.topic] ?? "", number: source.partition), records)
            }
        }
        guard !batches.isEmpty else { return }
        standing.noteAnswer()
        let work = subscription.withLock { $0 }
        for (partition, records) in batches {
            if let work, work.topic == partition.topic {
                work.take(records, from: partition.number)
                continue
            }
            let readers = readings.withLock { readings in
                defer { readings[partition]?.advance(beyond: records.last?.offset) }
                return readings[partition]?.readers ?? []
            }
            for (reader, from) in readers {
                let isAllNew = records.first.map { $0.offset >= from } ?? true
                reader.take(isAllNew ? records : records.filter { $0.offset >= from })
            }
        }
    }

    private func pauseOrResume(in handle: KafkaHandle, on thread: borrowing BlockingThread) {
        let changes = readings.withLock { readings in
            var changes: [(PartitionID, isPause: Bool)] = []
            for (partition, reading) in readings {
                let isFull = reading.readers.contains { $0.reader.isFull }
                guard isFull != reading.isPaused else { continue }
                readings[partition]?.isPaused = isFull
                changes.append((partition, isFull))
            }
            return changes
        }
        for (partition, isPause) in changes {
            let list = PartitionList(partition.topic, [partition.number])
            _ =
                isPause
                ? rd_kafka_pause_partitions(handle.raw, list.raw) : rd_kafka_resume_partitions(handle.raw, list.raw)
        }
    }

    // MARK: The end

    /// Ends all reading.
    func close() async {
        let work = subscription.withLock { $0 }
        await work?.depart(within: .seconds(5))
        let readers = readings.withLock { $0.values.flatMap(\.readers) }
        for (reader, _) in readers { reader.end() }
        guard let handle else { return }
        await handle.close()
        box.withLock { $0 = nil }
    }
}
