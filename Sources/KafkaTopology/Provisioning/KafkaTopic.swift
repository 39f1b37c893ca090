/// A topic as it must be made.
public struct KafkaTopic: Sendable, Hashable, Codable {
    /// Its name.
    public var name: String
    /// How many partitions it has.
    public var partitions: Int32
    /// On how many servers each partition lies.
    public var replication: Int16
    /// Its settings by their names, as `retention.ms`.
    public var settings: [String: String]

    /// Describes a topic.
    public init(name: String, partitions: Int32, replication: Int16, settings: [String: String]) {
        self.name = name
        self.partitions = partitions
        self.replication = replication
        self.settings = settings
    }
}
