internal import CRDKafka
internal import KafkaBroker

/// librdkafka's own cluster, in this process: outages and errors by order; without a disk, TLS, logins or an admin API.
public final class MockCluster: @unchecked Sendable {
    /// What servers are asked, by the numbers of Kafka's protocol.
    public enum Request: Int16, Sendable {
        case produce = 0
        case fetch = 1
        case offsetCommit = 8
        case joinGroup = 11
        case heartbeat = 12
        case syncGroup = 14
    }

    /// How servers answer amiss.
    public enum Answer: Sendable {
        case notLeader, notEnoughReplicas, timedOut, coordinatorGone, illegalGeneration, rebalancing, unknownMember

        var code: rd_kafka_resp_err_t {
            switch self {
            case .notLeader: RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
            case .notEnoughReplicas: RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS
            case .timedOut: RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT
            case .coordinatorGone: RD_KAFKA_RESP_ERR_NOT_COORDINATOR
            case .illegalGeneration: RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION
            case .rebalancing: RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS
            case .unknownMember: RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID
            }
        }
    }

    private let handle: OpaquePointer
    private let cluster: OpaquePointer
    private let servers: Int32

    /// Starts a cluster.
    public init(servers: Int32 = 1) throws {
        guard let settings = rd_kafka_conf_new() else { throw KafkaError(.unavailable, "no memory") }
        var reason = [CChar](repeating: 0, count: 512)
        rd_kafka_conf_set(settings, "log_level", "0", &reason, reason.count)
        guard let handle = rd_kafka_new(RD_KAFKA_PRODUCER, settings, &reason, reason.count),
            let cluster = rd_kafka_mock_cluster_new(handle, servers)
        else { throw KafkaError(.unavailable, "no mock cluster") }
        self.handle = handle
        self.cluster = cluster
        self.servers = servers
    }

    /// Where it is reached.
    public var bootstrap: String { String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

    /// Makes a topic if it is not there.
    public func makeTopic(_ name: String, partitions: Int32) {
        // Made twice, it says that it is there.
        _ = rd_kafka_mock_topic_create(cluster, name, partitions, 1)
    }

    /// Says of a topic that it is not there, or that it is.
    public func set(_ topic: String, isMissing: Bool) {
        rd_kafka_mock_topic_set_error(
            cluster, topic, isMissing ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    /// Takes all servers down, or up again.
    public func set(isDown: Bool) {
        for server in 1...servers {
            _ = isDown ? rd_kafka_mock_broker_set_down(cluster, server) : rd_kafka_mock_broker_set_up(cluster, server)
        }
    }

    /// Moves the leadership of partitions.
    public func lead(_ topic: String, partitions: Range<Int32>, by server: Int32) {
        for partition in partitions { rd_kafka_mock_partition_set_leader(cluster, topic, partition, server) }
    }

    /// Moves the coordination of a consumer group.
    public func coordinate(_ group: String, by server: Int32) {
        rd_kafka_mock_coordinator_set(cluster, "group", group, server)
    }

    /// The next answers to a kind of request are these.
    public func answer(_ request: Request, amiss answers: [Answer]) {
        rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, answers.count, answers.map(\.code))
    }

    /// How long answers take on their way.
    public func delay(by milliseconds: Int32) {
        for server in 1...servers { rd_kafka_mock_broker_set_rtt(cluster, server, milliseconds) }
    }

    /// Ends the cluster.
    public func stop() {
        rd_kafka_mock_cluster_destroy(cluster)
        rd_kafka_destroy(handle)
    }
}
