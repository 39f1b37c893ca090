internal import CRDKafka
internal import KafkaTopology

extension KafkaRule.Kind {
    /// The same in librdkafka's terms, which calls a cluster a broker: it is one number in the protocol.
    var library: rd_kafka_ResourceType_t {
        switch self {
        case .topic: RD_KAFKA_RESOURCE_TOPIC
        case .group: RD_KAFKA_RESOURCE_GROUP
        case .cluster: RD_KAFKA_RESOURCE_BROKER
        }
    }
}

extension KafkaRule.Operation {
    /// The same in librdkafka's terms.
    var library: rd_kafka_AclOperation_t {
        switch self {
        case .all: RD_KAFKA_ACL_OPERATION_ALL
        case .read: RD_KAFKA_ACL_OPERATION_READ
        case .write: RD_KAFKA_ACL_OPERATION_WRITE
        case .create: RD_KAFKA_ACL_OPERATION_CREATE
        case .delete: RD_KAFKA_ACL_OPERATION_DELETE
        case .alter: RD_KAFKA_ACL_OPERATION_ALTER
        case .describe: RD_KAFKA_ACL_OPERATION_DESCRIBE
        case .clusterAction: RD_KAFKA_ACL_OPERATION_CLUSTER_ACTION
        case .describeConfigs: RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS
        case .alterConfigs: RD_KAFKA_ACL_OPERATION_ALTER_CONFIGS
        case .idempotentWrite: RD_KAFKA_ACL_OPERATION_IDEMPOTENT_WRITE
        }
    }
}

extension KafkaRule {
    /// Reads a rule as the cluster told it; nil for one that this program cannot name.
    init?(_ binding: OpaquePointer, kind: Kind) {
        let operation = rd_kafka_AclBinding_operation(binding)
        guard let principal = rd_kafka_AclBinding_principal(binding), let name = rd_kafka_AclBinding_name(binding),
            let known = Operation.allCases.first(where: { $0.library == operation })
        else { return nil }
        let pattern: Pattern
        switch rd_kafka_AclBinding_resource_pattern_type(binding) {
        case RD_KAFKA_RESOURCE_PATTERN_LITERAL: pattern = .literal
        case RD_KAFKA_RESOURCE_PATTERN_PREFIXED: pattern = .prefixed
        default: return nil
        }
        self.init(String(cString: principal), may: known, kind, String(cString: name), pattern: pattern)
    }

    /// The rule for the library, to be destroyed by whoever asked.
    func binding() throws(KafkaError) -> OpaquePointer? {
        try made { reason, size in
            rd_kafka_AclBinding_new(
                kind.library, name, patternType, principal, "*", operation.library,
                RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, reason, size)
        }
    }

    /// What finds exactly this rule, to be destroyed by whoever asked.
    func filter() throws(KafkaError) -> OpaquePointer? {
        try made { reason, size in
            rd_kafka_AclBindingFilter_new(
                kind.library, name, patternType, principal, "*", operation.library,
                RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, reason, size)
        }
    }

    private var patternType: rd_kafka_ResourcePatternType_t {
        pattern == .literal ? RD_KAFKA_RESOURCE_PATTERN_LITERAL : RD_KAFKA_RESOURCE_PATTERN_PREFIXED
    }

    private func made(
        _ make: (UnsafeMutablePointer<CChar>, Int) -> OpaquePointer?
    ) throws(KafkaError) -> OpaquePointer? {
        var reason = [CChar](repeating: 0, count: 256)
        let made = reason.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { make($0, buffer.count) }
        }
        guard let made else { throw KafkaError(.configuration, "\(self): \(HandleMaker.text(reason))") }
        return made
    }
}
