internal import CRDKafka
internal import KafkaTopology

/// Changes what is on a cluster; all of it blocks.
///
/// What comes back are the parts that failed.
enum AdminOrders {
    static func create(
        _ topics: [KafkaTopic], _ handle: OpaquePointer, _ request: AdminRequest, on thread: borrowing BlockingThread
    ) throws(KafkaError) -> [KafkaError] {
        var reason = [CChar](repeating: 0, count: 256)
        var wanted: [OpaquePointer?] = []
        defer { rd_kafka_NewTopic_destroy_array(&wanted, wanted.count) }
        for topic in topics {
            guard
                let new = rd_kafka_NewTopic_new(
                    topic.name, topic.partitions, Int32(topic.replication), &reason, reason.count)
            else { throw KafkaError(.configuration, "\(topic.name): \(HandleMaker.text(reason))") }
            wanted.append(new)
            for (name, value) in topic.settings { _ = rd_kafka_NewTopic_set_config(new, name, value) }
        }
        return try request.perform(handle, on: thread) { options, queue in
            rd_kafka_CreateTopics(handle, &wanted, wanted.count, options, queue)
        } read: { (event) throws(KafkaError) in
            var count = 0
            let list = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
            return failures(list, count, ignoring: RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, request.kind)
        }
    }

    static func widen(
        _ widenings: [KafkaPlan.Widening], _ handle: OpaquePointer, _ request: AdminRequest,
        on thread: borrowing BlockingThread
    ) throws(KafkaError) -> [KafkaError] {
        var reason = [CChar](repeating: 0, count: 256)
        var wanted: [OpaquePointer?] = []
        defer { rd_kafka_NewPartitions_destroy_array(&wanted, wanted.count) }
        for widening in widenings {
            guard
                let new = rd_kafka_NewPartitions_new(
                    widening.topic, Int(widening.partitions), &reason, reason.count)
            else { throw KafkaError(.configuration, "\(widening.topic): \(HandleMaker.text(reason))") }
            wanted.append(new)
        }
        return try request.perform(handle, on: thread) { options, queue in
            rd_kafka_CreatePartitions(handle, &wanted, wanted.count, options, queue)
        } read: { (event) throws(KafkaError) in
            var count = 0
            let list = rd_kafka_CreatePartitions_result_topics(
                rd_kafka_event_CreatePartitions_result(event), &count)
            return failures(list, count, ignoring: RD_KAFKA_RESP_ERR_NO_ERROR, request.kind)
        }
    }

    static func set(
        _ changes: [KafkaPlan.Change], _ handle: OpaquePointer, _ request: AdminRequest,
        on thread: borrowing BlockingThread
    ) throws(KafkaError) -> [KafkaError] {
        var resources = changes.map { rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, $0.topic) }
        defer { rd_kafka_ConfigResource_destroy_array(&resources, resources.count) }
        for (resource, change) in zip(resources, changes) {
            for (name, value) in change.all { _ = rd_kafka_ConfigResource_set_config(resource, name, value) }
        }
        return try request.perform(handle, on: thread) { options, queue in
            rd_kafka_AlterConfigs(handle, &resources, resources.count, options, queue)
        } read: { (event) throws(KafkaError) in
            var failed: [KafkaError] = []
            var count = 0
            let list = rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count)
            AdminRequest.each(list, count) { resource in
                let error = rd_kafka_ConfigResource_error(resource)
                guard error != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
                let name = rd_kafka_ConfigResource_name(resource).map { String(cString: $0) } ?? ""
                let text = rd_kafka_ConfigResource_error_string(resource).map { String(cString: $0) } ?? ""
                failed.append(KafkaError(error, "\(name): \(text)").advised(on: request.kind))
            }
            return failed
        }
    }

    static func grant(
        _ rules: [KafkaRule], _ handle: OpaquePointer, _ request: AdminRequest, on thread: borrowing BlockingThread
    ) throws(KafkaError) -> [KafkaError] {
        var bindings = try rules.map { (rule) throws(KafkaError) in try rule.binding() }
        defer { rd_kafka_AclBinding_destroy_array(&bindings, bindings.count) }
        return try request.perform(handle, on: thread) { options, queue in
            rd_kafka_CreateAcls(handle, &bindings, bindings.count, options, queue)
        } read: { (event) throws(KafkaError) in
            var failed: [KafkaError] = []
            var count = 0
            let list = rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &count)
            guard let list else { return failed }
            // The answers stand in the order of the questions.
            for (index, rule) in zip(0..<count, rules) {
                guard let answer = list[index], let error = rd_kafka_acl_result_error(answer) else { continue }
                failed.append(KafkaError(error, "\(rule)").advised(on: request.kind))
            }
            return failed
        }
    }

    static func withdraw(
        _ rules: [KafkaRule], _ handle: OpaquePointer, _ request: AdminRequest, on thread: borrowing BlockingThread
    ) throws(KafkaError) -> [KafkaError] {
        let filters = try rules.map { (rule) throws(KafkaError) in try rule.filter() }
        return try delete(filters, handle, request, on: thread).failures
    }

    /// Takes away all rules of one kind that name someone; returns how many there were.
    static func removeAll(
        of principal: String, _ kind: KafkaRule.Kind, _ handle: OpaquePointer, _ request: AdminRequest,
        on thread: borrowing BlockingThread
    ) throws(KafkaError) -> Int {
        guard
            let filter = rd_kafka_AclBindingFilter_new(
                kind.library, nil, RD_KAFKA_RESOURCE_PATTERN_ANY, principal, nil, RD_KAFKA_ACL_OPERATION_ANY,
                RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, nil, 0)
        else { throw KafkaError(.unavailable, "no memory") }
        let (failures, count) = try delete([filter], handle, request, on: thread)
        if let first = failures.first { throw first }
        return count
    }

    /// Deletes what fits the filters, which are gone afterwards.
    private static func delete(
        _ filters: [OpaquePointer?], _ handle: OpaquePointer, _ request: AdminRequest,
        on thread: borrowing BlockingThread
    ) throws(KafkaError) -> (failures: [KafkaError], count: Int) {
        var filters = filters
        defer { rd_kafka_AclBinding_destroy_array(&filters, filters.count) }
        return try request.perform(handle, on: thread) { options, queue in
            rd_kafka_DeleteAcls(handle, &filters, filters.count, options, queue)
        } read: { (event) throws(KafkaError) in
            var failed: [KafkaError] = []
            var (removed, count) = (0, 0)
            let list = rd_kafka_DeleteAcls_result_responses(rd_kafka_event_DeleteAcls_result(event), &count)
            AdminRequest.each(list, count) { response in
                if let error = rd_kafka_DeleteAcls_result_response_error(response) {
                    failed.append(KafkaError(error, "a rule stays").advised(on: request.kind))
                    return
                }
                var matching = 0
                _ = rd_kafka_DeleteAcls_result_response_matching_acls(response, &matching)
                removed += matching
            }
            return (failed, removed)
        }
    }

    private static func failures(
        _ list: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int, ignoring ignored: rd_kafka_resp_err_t,
        _ kind: AdminRequest.Kind
    ) -> [KafkaError] {
        var failed: [KafkaError] = []
        AdminRequest.each(list, count) { result in
            let error = rd_kafka_topic_result_error(result)
            guard error != RD_KAFKA_RESP_ERR_NO_ERROR, error != ignored else { return }
            let name = rd_kafka_topic_result_name(result).map { String(cString: $0) } ?? ""
            let text = rd_kafka_topic_result_error_string(result).map { String(cString: $0) } ?? ""
            failed.append(KafkaError(error, "\(name): \(text)").advised(on: kind))
        }
        return failed
    }
}
