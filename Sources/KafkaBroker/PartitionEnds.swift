internal import CRDKafka
internal import Glibc

/// Where a partition begins and ends, as its leader says.
struct PartitionEnds {
    var low: Int64
    /// The offset of the next record.
    var high: Int64

    private static let questionTime: Int32 = 5000
    /// How often a leader that is not known yet is asked for again, 50 ms apart.
    private static let patience = 40

    /// Asks the cluster.
    init(_ partition: PartitionID, of raw: OpaquePointer, on thread: borrowing BlockingThread) throws(KafkaError) {
        (low, high) = (0, 0)
        var error = RD_KAFKA_RESP_ERR_NO_ERROR
        for _ in 0..<Self.patience {
            error = rd_kafka_query_watermark_offsets(
                raw, partition.topic, partition.number, &low, &high, Self.questionTime)
            switch error {
            case RD_KAFKA_RESP_ERR_NO_ERROR: return
            case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
                // A topic that was made a moment ago, or a leader that moves.
                usleep(50_000)
            default: throw KafkaError(error, "end of partition \(partition.number) of \(partition.topic)")
            }
        }
        throw KafkaError(error, "end of partition \(partition.number) of \(partition.topic)")
    }
}
