internal import CRDKafka
internal import KafkaTopology

/// Reads what is on a cluster; all of it blocks.
enum AdminLook {
    /// How long one try to get the list of topics takes; between them it is seen what went wrong.
    private static let turn = Duration.seconds(1)

    /// The servers, and the topics of a layout with their partitions.
    static func metadata(
        _ handle: OpaquePointer, of layout: KafkaLayout, within time: Duration, sink: AdminSink,
        on thread: borrowing BlockingThread
    ) throws(KafkaError) -> KafkaSighting {
        sink.reset()
        let end = ContinuousClock.now + time
        var found: UnsafePointer<rd_kafka_metadata>?
        while true {
            let error = rd_kafka_metadata(handle, 1, nil, &found, Int32(turn.milliseconds))
            if error == RD_KAFKA_RESP_ERR_NO_ERROR { break }
            let trouble = sink.latest ?? KafkaError(error, "no server tells its topics")
            if trouble.code == .authentication || ContinuousClock.now >= end { throw trouble.advisedOnConnection }
        }
        guard let found else { throw KafkaError(.unavailable, "the cluster told nothing of its topics") }
        defer { rd_kafka_metadata_destroy(found) }
        var seen = KafkaSighting(servers: Int(found.pointee.broker_cnt))
        for index in 0..<Int(found.pointee.topic_cnt) {
            let topic = found.pointee.topics[index]
            guard let text = topic.topic else { continue }
            let name = String(cString: text)
            guard layout.owns(topic: name), topic.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
            let replicas = (0..<Int(topic.partition_cnt)).map { topic.partitions[$0].replica_cnt }.min() ?? 0
            seen.topics[name] = KafkaSighting.Topic(
                partitions: topic.partition_cnt, replication: Int16(clamping: replicas), settings: nil)
        }
        return seen
    }

    /// The settings of topics; those are missing that may not be read.
    static func settings(
        _ handle: OpaquePointer, of names: [String], _ request: AdminRequest, on thread: borrowing BlockingThread
    ) throws(KafkaError) -> [String: (settings: [String: String], own: Set<String>)] {
        var resources = names.map { rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, $0) }
        defer { rd_kafka_ConfigResource_destroy_array(&resources, resources.count) }
        return try request.perform(handle, on: thread) { options, queue in
            rd_kafka_DescribeConfigs(handle, &resources, resources.count, options, queue)
        } read: { (event) throws(KafkaError) in
            var found: [String: (settings: [String: String], own: Set<String>)] = [:]
            var count = 0
            let list = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count)
            AdminRequest.each(list, count) { resource in
                guard rd_kafka_ConfigResource_error(resource) == RD_KAFKA_RESP_ERR_NO_ERROR,
                    let name = rd_kafka_ConfigResource_name(resource)
                else { return }
                var (settings, own) = ([String: String](), Set<String>())
                var entries = 0
                AdminRequest.each(rd_kafka_ConfigResource_configs(resource, &entries), entries) { entry in
                    guard let key = rd_kafka_ConfigEntry_name(entry), let value = rd_kafka_ConfigEntry_value(entry)
                    else { return }
                    settings[String(cString: key)] = String(cString: value)
                    if rd_kafka_ConfigEntry_source(entry) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG {
                        own.insert(String(cString: key))
                    }
                }
                found[String(cString: name)] = (settings, own)
            }
            return found
        }
    }

    /// The rules of one kind: those that allow something from anywhere, and in words what else is there of the layout.
    static func rules(
        _ handle: OpaquePointer, of kind: KafkaRule.Kind, layout: KafkaLayout, _ request: AdminRequest,
        on thread: borrowing BlockingThread
    ) throws(KafkaError) -> (rules: Set<KafkaRule>, odd: [String]) {
        guard
            let filter = rd_kafka_AclBindingFilter_new(
                kind.library, nil, RD_KAFKA_RESOURCE_PATTERN_ANY, nil, nil, RD_KAFKA_ACL_OPERATION_ANY,
                RD_KAFKA_ACL_PERMISSION_TYPE_ANY, nil, 0)
        else { throw KafkaError(.unavailable, "no memory") }
        defer { rd_kafka_AclBinding_destroy(filter) }
        return try request.perform(handle, on: thread) { options, queue in
            rd_kafka_DescribeAcls(handle, filter, options, queue)
        } read: { (event) throws(KafkaError) in
            var (rules, odd) = (Set<KafkaRule>(), [String]())
            var count = 0
            let list = rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event), &count)
            AdminRequest.each(list, count) { binding in
                guard let rule = KafkaRule(binding, kind: kind) else { return }
                let host = rd_kafka_AclBinding_host(binding).map { String(cString: $0) } ?? "*"
                let allows = rd_kafka_AclBinding_permission_type(binding) == RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW
                if allows, host == "*" {
                    rules.insert(rule)
                } else if layout.owns(rule) {
                    odd.append("\(allows ? "allowed" : "denied"): \(rule) from \(host == "*" ? "anywhere" : host)")
                }
            }
            return (rules, odd)
        }
    }
}
