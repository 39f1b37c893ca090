internal import BrokerCore
internal import Logging
internal import RelayFormat

/// Sends records in the order in which they were put in, as many at a time as have gathered.
///
/// A record that could not be sent is counted and dropped: whatever matters is repeated by the protocol.
struct Outbox: Sendable {
    private let broker: any Broker
    private let mailbox = Mailbox<OutgoingRecord>(capacity: 65_536)
    private let logger: Logger

    init(broker: any Broker, logger: Logger) {
        self.broker = broker
        self.logger = logger
    }

    /// Takes records to be sent; never waits.
    func put(_ records: [OutgoingRecord]) {
        guard !records.isEmpty else { return }
        if !mailbox.put(records) {
            logger.warning("Outbox is full", metadata: ["records": "\(records.count)"])
        }
    }

    /// Sends until the outbox is closed and empty.
    func run() async {
        await withDiscardingTaskGroup { group in
            while let batch = await mailbox.take() {
                // The next batch need not wait until this one is confirmed.
                group.addTask {
                    for case .failed(let error) in await broker.send(batch) {
                        logger.debug("Record not sent", metadata: ["reason": "\(error)"])
                    }
                }
            }
        }
    }

    func close() {
        mailbox.close()
    }
}
