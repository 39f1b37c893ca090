internal import KafkaTopology

/// A record as it came from a partition.
struct FetchedRecord: Sendable {
    var offset: Int64
    var key: KafkaRecordKey
    var payload: [UInt8]
}

/// One partition of one topic.
struct PartitionID: Hashable, Sendable {
    var topic: String
    var number: Int32
}

/// Reads a partition from the moment at which it began; called on the pump's thread.
protocol PartitionReader: AnyObject, Sendable {
    /// Takes records in.
    func take(_ records: [FetchedRecord])
    /// Whether nothing more should be fetched for now.
    var isFull: Bool { get }
    /// No more will come.
    func end()
}
