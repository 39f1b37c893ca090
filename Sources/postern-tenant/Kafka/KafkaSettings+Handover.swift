internal import EnrollmentService

extension KafkaSettings {
    /// For how long after the last sign of a connector its part of a group's queue may be nobody's: for a consumer group's
    /// session, as connectors are told to keep it, and a rebalance.
    var handover: Duration {
        let session = connectors.properties["session.timeout.ms"].flatMap { Int($0) } ?? 6000
        return .milliseconds(session) + .seconds(2)
    }
}
