internal import CRDKafka
internal import KafkaBroker

/// Makes topics on a cluster by its admin API.
public struct TopicMaker: Sendable {
    private let bootstrap: String

    /// For the cluster at an address.
    public init(bootstrap: String) {
        self.bootstrap = bootstrap
    }

    /// Makes what is not there yet; returns when it is known to be.
    public func make(_ topics: [(name: String, partitions: Int32)]) throws {
        guard let settings = rd_kafka_conf_new() else { throw KafkaError(.unavailable, "no memory") }
        var reason = [CChar](repeating: 0, count: 512)
        rd_kafka_conf_set(settings, "bootstrap.servers", bootstrap, &reason, reason.count)
        guard let handle = rd_kafka_new(RD_KAFKA_PRODUCER, settings, &reason, reason.count) else {
            throw KafkaError(.unavailable, "no handle")
        }
        defer { rd_kafka_destroy(handle) }
        guard let queue = rd_kafka_queue_new(handle) else { throw KafkaError(.unavailable, "no queue") }
        defer { rd_kafka_queue_destroy(queue) }
        var orders: [OpaquePointer?] = topics.map {
            rd_kafka_NewTopic_new($0.name, $0.partitions, 1, &reason, reason.count)
        }
        defer { for order in orders { rd_kafka_NewTopic_destroy(order) } }
        rd_kafka_CreateTopics(handle, &orders, orders.count, nil, queue)
        guard let event = rd_kafka_queue_poll(queue, 15_000) else {
            throw KafkaError(.unreachable, "no answer to the order for topics")
        }
        defer { rd_kafka_event_destroy(event) }
        guard rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(.unavailable, String(cString: rd_kafka_event_error_string(event)))
        }
        var count = 0
        let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
        for index in 0..<count {
            let error = rd_kafka_topic_result_error(results?[index])
            guard error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS else {
                throw KafkaError(.unavailable, String(cString: rd_kafka_err2str(error)))
            }
        }
    }
}
