internal import CRDKafka

/// A list of partitions in the library's form, which frees itself.
struct PartitionList: ~Copyable {
    let raw: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init() {
        raw = rd_kafka_topic_partition_list_new(8)
    }

    /// Copies a list that is another's.
    init(copying list: UnsafePointer<rd_kafka_topic_partition_list_t>) {
        raw = rd_kafka_topic_partition_list_copy(list)
    }

    /// A list of partitions of one topic.
    init(_ topic: String, _ partitions: some Sequence<Int32>) {
        self.init()
        for partition in partitions { add(topic, partition) }
    }

    deinit { rd_kafka_topic_partition_list_destroy(raw) }

    /// Adds a partition.
    ///
    /// - Parameter metadata: what goes with the offset; the library copies it and frees its copy.
    func add(_ topic: String, _ partition: Int32, offset: Int64? = nil, metadata: String = "") {
        guard let entry = rd_kafka_topic_partition_list_add(raw, topic, partition) else { return }
        if let offset { entry.pointee.offset = offset }
        guard !metadata.isEmpty else { return }
        let bytes = Array(metadata.utf8)
        let copy = rd_kafka_mem_malloc(nil, bytes.count)
        copy?.copyMemory(from: bytes, byteCount: bytes.count)
        entry.pointee.metadata = copy
        entry.pointee.metadata_size = bytes.count
    }

    /// The entries.
    var entries: UnsafeMutableBufferPointer<rd_kafka_topic_partition_t> {
        UnsafeMutableBufferPointer(start: raw.pointee.elems, count: Int(raw.pointee.cnt))
    }
}

extension rd_kafka_topic_partition_t {
    /// The metadata of a committed offset, as text.
    var metadataText: String {
        guard let metadata, metadata_size > 0 else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: metadata, count: metadata_size), as: UTF8.self)
    }
}
