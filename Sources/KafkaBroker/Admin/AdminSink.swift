internal import CRDKafka
internal import Logging
internal import Synchronization

/// Keeps what goes wrong between the handle of an administrator and the cluster, so that a question that gets no answer
/// can say why.
final class AdminSink: PumpSink {
    private let logger: Logger
    private let trouble = Mutex<KafkaError?>(nil)

    init(logger: Logger) { self.logger = logger }

    /// What went wrong last; nil when nothing has since the last question began.
    var latest: KafkaError? { trouble.withLock { $0 } }

    /// Forgets what went wrong.
    func reset() { trouble.withLock { $0 = nil } }

    func take(_ event: OpaquePointer, of kind: Int32, in handle: KafkaHandle, on thread: borrowing BlockingThread) {
        guard kind == RD_KAFKA_EVENT_ERROR else { return }
        let number = rd_kafka_event_error(event)
        let text = rd_kafka_event_error_string(event).map { String(cString: $0) } ?? ""
        let error = KafkaError(number, text)
        logger.debug("Kafka error", metadata: ["reason": "\(error)"])
        trouble.withLock { known in
            // That all servers are down says less than why the last one is.
            if number == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, known != nil { return }
            known = error
        }
    }

    func flush(in handle: KafkaHandle, on thread: borrowing BlockingThread) -> Int32 { 1000 }
}
