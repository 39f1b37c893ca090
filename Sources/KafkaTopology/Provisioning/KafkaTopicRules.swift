/// How topics are made on a cluster.
///
/// The usual values are for three servers, one of which may fail: a record is stored when two have it.
public struct KafkaTopicRules: Sendable, Hashable, Codable {
    /// On how many servers each partition lies; not part of the file's section, since the cluster's settings have it.
    public var replication: Int16 = 3
    /// How many of them must have a record before it counts as stored; nil for one less, so that one may fail.
    public var minimumInSync: Int16?
    /// For how long a record of work or of an inbox is kept, in seconds; nothing waits longer than that in the queue.
    public var retention: Int
    /// For how long a beat is kept, in seconds; it is of use for moments only.
    public var presenceRetention: Int
    /// The largest batch of records in bytes.
    public var largestBatch: Int
    /// Settings that this cluster does not know or does not let be set, by their names: they are left alone.
    public var leftAlone: [String]

    /// Describes how topics are made.
    public init(
        replication: Int16 = 3, minimumInSync: Int16? = nil, retention: Int = 3600, presenceRetention: Int = 600,
        largestBatch: Int = 1_048_588, leftAlone: [String] = []
    ) {
        self.replication = replication
        self.minimumInSync = minimumInSync
        self.retention = retention
        self.presenceRetention = presenceRetention
        self.largestBatch = largestBatch
        self.leftAlone = leftAlone
    }

    enum CodingKeys: String, CodingKey {
        case minimumInSync = "min_insync_replicas"
        case retention = "retention_seconds"
        case presenceRetention = "presence_retention_seconds"
        case largestBatch = "largest_batch_bytes"
        case leftAlone = "settings_left_alone"
    }

    /// Reads what is there; what is missing is as usual.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            minimumInSync: try container.decodeIfPresent(Int16.self, forKey: .minimumInSync),
            retention: try container.decodeIfPresent(Int.self, forKey: .retention) ?? 3600,
            presenceRetention: try container.decodeIfPresent(Int.self, forKey: .presenceRetention) ?? 600,
            largestBatch: try container.decodeIfPresent(Int.self, forKey: .largestBatch) ?? 1_048_588,
            leftAlone: try container.decodeIfPresent([String].self, forKey: .leftAlone) ?? [])
    }

    /// What is wrong, for people; nil when nothing is.
    public var flaw: String? {
        if !(1...15).contains(replication) { return "replication needs 1 to 15" }
        if !(1...replication).contains(inSync) { return "min_insync_replicas needs 1 to replication" }
        if !(600...604_800).contains(retention) { return "retention_seconds needs 600 (10 minutes) to 604800 (7 days)" }
        if !(60...604_800).contains(presenceRetention) { return "presence_retention_seconds needs 60 to 604800" }
        if !(1_000_000...100_000_000).contains(largestBatch) { return "largest_batch_bytes needs 1000000 to 100000000" }
        return nil
    }

    private var inSync: Int16 { minimumInSync ?? max(1, replication - 1) }

    /// The settings of a topic whose records are kept so many seconds.
    func settings(retention seconds: Int) -> [String: String] {
        // Only what is older than the segment that is written to is ever deleted, so segments must end soon; ten
        // minutes is the least that managed clusters take.
        let settings = [
            "cleanup.policy": "delete", "retention.ms": "\(seconds * 1000)",
            "segment.ms": "\(max(600, min(seconds / 4, 3600)) * 1000)", "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": "\(largestBatch)", "min.insync.replicas": "\(inSync)",
        ]
        return settings.filter { !leftAlone.contains($0.key) }
    }
}
