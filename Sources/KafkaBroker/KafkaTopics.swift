internal import CRDKafka
internal import Glibc
internal import Synchronization

/// The topics that a handle knows; a topic's own handle lives until `destroy`.
///
/// A topic is asked for before the first use: the first record to one that the library does not know would be a second
/// late, and a consumer would learn of a missing one only a minute later.
final class KafkaTopics: Sendable {
    /// A topic that is there.
    struct Topic: Sendable {
        let handle: LibraryHandle
        let partitions: Int32
    }

    private static let metadataTime: Int32 = 5000
    /// How often a missing topic is asked for again, 50 ms apart.
    private static let patience = 20
    private let known = Mutex<[String: Topic]>([:])

    /// The topics of these names; nil when one of them has to be asked for first.
    func find(_ names: some Sequence<String>) -> [Topic]? {
        known.withLock { known in
            var found: [Topic] = []
            for name in names {
                guard let topic = known[name] else { return nil }
                found.append(topic)
            }
            return found
        }
    }

    /// One topic; nil when it has to be asked for first.
    func find(_ name: String) -> Topic? { known.withLock { $0[name] } }

    /// Asks the cluster for topics that are not known yet.
    func learn(_ names: Set<String>, through handle: KafkaHandle) async throws(KafkaError) {
        let unknown = known.withLock { known in names.filter { known[$0] == nil } }
        for name in unknown {
            _ = try await handle.ask { raw, thread throws(KafkaError) in try self.learn(name, of: raw, on: thread) }
        }
    }

    /// Asks the cluster for a topic.
    @discardableResult
    func learn(
        _ name: String, of raw: OpaquePointer, on thread: borrowing BlockingThread
    ) throws(KafkaError) -> Topic {
        if let topic = find(name) { return topic }
        guard let handle = rd_kafka_topic_new(raw, name, nil) else {
            throw KafkaError(rd_kafka_last_error(), "topic \(name)")
        }
        var (error, partitions) = Self.ask(raw, handle)
        // A topic that was made a moment ago may not be known to every server.
        for _ in 0..<Self.patience where error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART {
            usleep(50_000)
            (error, partitions) = Self.ask(raw, handle)
        }
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR else {
            rd_kafka_topic_destroy(handle)
            let isMissing = error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
            throw KafkaError(error, "topic \(name)\(isMissing ? "; ‘postern-tenant kafka plan’ tells more" : "")")
        }
        let learned = LibraryHandle(handle)
        return known.withLock { known in
            if let former = known[name] {
                rd_kafka_topic_destroy(learned.pointer)
                return former
            }
            let topic = Topic(handle: learned, partitions: partitions)
            known[name] = topic
            return topic
        }
    }

    private static func ask(_ raw: OpaquePointer, _ handle: OpaquePointer) -> (rd_kafka_resp_err_t, Int32) {
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let error = rd_kafka_metadata(raw, 0, handle, &metadata, metadataTime)
        defer { if let metadata { rd_kafka_metadata_destroy(metadata) } }
        guard let found = metadata?.pointee, found.topic_cnt > 0 else { return (error, 0) }
        return (found.topics[0].err, found.topics[0].partition_cnt)
    }

    /// Gives all back, when the handle is about to end.
    func destroy() {
        for topic in known.withLock({ $0.values }) { rd_kafka_topic_destroy(topic.handle.pointer) }
        known.withLock { $0 = [:] }
    }
}
