internal import BrokerCore
internal import CRDKafka

extension KafkaError {
    /// What a number of librdkafka means.
    init(_ error: rd_kafka_resp_err_t, _ what: String) {
        let reason = rd_kafka_err2str(error).map { String(cString: $0) } ?? "unknown"
        self.init(Self.code(of: error), "\(what): \(reason)", number: error.rawValue)
    }

    private static func code(of error: rd_kafka_resp_err_t) -> Code {
        switch error {
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED: .authentication
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            .denied
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
            .missing
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TIMED_OUT,
            RD_KAFKA_RESP_ERR__RESOLVE, RD_KAFKA_RESP_ERR__SSL:
            .unreachable
        case RD_KAFKA_RESP_ERR__INVALID_ARG: .configuration
        case RD_KAFKA_RESP_ERR__DESTROY: .closed
        default: .unavailable
        }
    }

    /// The same, in the terms of the contract.
    var asBrokerError: BrokerError {
        switch code {
        case .configuration: BrokerError(.notSupported, message)
        case .authentication, .denied: BrokerError(.denied, message)
        case .missing, .unreachable, .unavailable: BrokerError(.notPersisted, message)
        case .closed: BrokerError(.closed, message)
        }
    }
}
