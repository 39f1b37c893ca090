internal import CRDKafka
internal import Foundation

/// One question or order to a cluster: sent, and waited for on a thread that may block.
struct AdminRequest {
    /// What is asked, for its name and what it takes.
    enum Kind {
        case describeConfigs, createTopics, createPartitions, alterConfigs, describeRules, createRules, deleteRules

        var operation: rd_kafka_admin_op_t {
            switch self {
            case .describeConfigs: RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS
            case .createTopics: RD_KAFKA_ADMIN_OP_CREATETOPICS
            case .createPartitions: RD_KAFKA_ADMIN_OP_CREATEPARTITIONS
            case .alterConfigs: RD_KAFKA_ADMIN_OP_ALTERCONFIGS
            case .describeRules: RD_KAFKA_ADMIN_OP_DESCRIBEACLS
            case .createRules: RD_KAFKA_ADMIN_OP_CREATEACLS
            case .deleteRules: RD_KAFKA_ADMIN_OP_DELETEACLS
            }
        }
    }

    let kind: Kind
    let sink: AdminSink
    /// How long the answer may take.
    let time: Duration

    /// Sends and waits.
    ///
    /// - Parameters:
    ///   - send: makes the library send it, with the options, to be answered in the queue.
    ///   - read: reads the answer, which is gone afterwards.
    func perform<Answer>(
        _ handle: OpaquePointer, on thread: borrowing BlockingThread,
        send: (_ options: OpaquePointer, _ queue: OpaquePointer) -> Void,
        read: (_ event: OpaquePointer) throws(KafkaError) -> Answer
    ) throws(KafkaError) -> Answer {
        guard let queue = rd_kafka_queue_new(handle),
            let options = rd_kafka_AdminOptions_new(handle, kind.operation)
        else { throw KafkaError(.unavailable, "no memory") }
        defer {
            rd_kafka_AdminOptions_destroy(options)
            rd_kafka_queue_destroy(queue)
        }
        let milliseconds = Int32(clamping: time.milliseconds)
        var reason = [CChar](repeating: 0, count: 256)
        _ = rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, &reason, reason.count)
        if kind.operation == RD_KAFKA_ADMIN_OP_CREATETOPICS || kind.operation == RD_KAFKA_ADMIN_OP_CREATEPARTITIONS {
            _ = rd_kafka_AdminOptions_set_operation_timeout(options, milliseconds / 2, &reason, reason.count)
        }
        sink.reset()
        send(options, queue)
        let end = ContinuousClock.now + time + .seconds(1)
        while ContinuousClock.now < end {
            guard let event = rd_kafka_queue_poll(queue, 200) else {
                // Nothing gets better by waiting when the cluster does not believe who asks.
                if let trouble = sink.latest, trouble.code == .authentication { throw trouble }
                continue
            }
            defer { rd_kafka_event_destroy(event) }
            let number = rd_kafka_event_error(event)
            guard number == RD_KAFKA_RESP_ERR_NO_ERROR else {
                if number == RD_KAFKA_RESP_ERR__TIMED_OUT, let trouble = sink.latest { throw trouble }
                let text = rd_kafka_event_error_string(event).map { String(cString: $0) } ?? ""
                throw KafkaError(number, text)
            }
            return try read(event)
        }
        throw sink.latest ?? KafkaError(.unreachable, "no answer within \(time.milliseconds / 1000) s")
    }

    /// Gives the body each of a list that the library holds.
    static func each(_ list: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int, _ body: (OpaquePointer) -> Void) {
        guard let list else { return }
        for index in 0..<count { if let item = list[index] { body(item) } }
    }
}
