internal import CRDKafka

extension KafkaError {
    /// What an error object of the library says; the object stays the library's.
    init(_ error: OpaquePointer, _ what: String) {
        let text = rd_kafka_error_string(error).map { String(cString: $0) } ?? ""
        self.init(rd_kafka_error_code(error), text.isEmpty ? what : "\(what): \(text)")
    }

    /// The same with what to do about it, when an order of an administrator came to this.
    func advised(on kind: AdminRequest.Kind) -> KafkaError {
        let advice: String? =
            switch rd_kafka_resp_err_t(number) {
            case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
                "set \"replication\" in the installation's Kafka settings to no more than the cluster has servers"
            case RD_KAFKA_RESP_ERR_INVALID_CONFIG, RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
                "the cluster does not take a setting: name it in \"settings_left_alone\", or ask whoever runs the cluster"
            case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
                "a topic's partitions only grow; a cluster may bound them"
            case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
                "the cluster has no authorizer: set authorizer.class.name on its servers"
            case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
                "the cluster does not offer this: let its own administrator make what is missing"
                    + " (\"provision\": \"external\")"
            default: code == .denied ? "allow the administrator's identity \(kind.need)" : nil
            }
        guard let advice else { return advisedOnConnection }
        return KafkaError(code, "\(message). Advice: \(advice)", number: number)
    }

    /// The same with what to do about it, when no server could be talked to.
    var advisedOnConnection: KafkaError {
        let advice: String? =
            switch code {
            case .authentication:
                "look at user, password, token or certificate of the administrator, and whether the cluster wants TLS"
            case .unreachable:
                "look at \"bootstrap\", at what the servers call themselves (advertised.listeners), at the firewall,"
                    + " and whether they want TLS"
            case .configuration, .denied, .missing, .unavailable, .closed: nil
            }
        guard let advice, !message.contains("Advice: ") else { return self }
        return KafkaError(code, "\(message). Advice: \(advice)", number: number)
    }
}

extension AdminRequest.Kind {
    /// What whoever asks must be allowed.
    var need: String {
        switch self {
        case .describeConfigs: "DescribeConfigs on the topics"
        case .createTopics: "Create on the cluster, or on topics of this prefix"
        case .createPartitions: "Alter on the topics"
        case .alterConfigs: "AlterConfigs on the topics"
        case .describeRules, .createRules, .deleteRules: "Describe and Alter on the cluster"
        }
    }
}
