internal import BrokerCore
internal import Logging
internal import RelayFormat
internal import Synchronization

/// Sends records in the order in which they were put in, as many at a time as have gathered.
///
/// A record that could not be sent is counted and dropped: whatever matters is repeated by the protocol. So is one for
/// which there is no room while the broker is slow.
final class Outbox: Sendable {
    /// The most bytes that wait or are under way; what steers gets a little more than bodies do.
    private static let room: (bodies: Int, all: Int) = (64 << 20, 72 << 20)

    private let broker: any Broker
    private let mailbox = Mailbox<OutgoingRecord>(capacity: 65_536)
    private let held = Atomic<Int>(0)
    private let logger: Logger

    init(broker: any Broker, logger: Logger) {
        self.broker = broker
        self.logger = logger
    }

    /// Takes records to be sent; never waits.
    func put(_ records: [OutgoingRecord]) {
        guard !records.isEmpty else { return }
        let size = Self.size(of: records)
        let total = held.add(size, ordering: .relaxed).newValue
        let hasBodies = records.contains { $0.lane == .data }
        guard total <= (hasBodies ? Self.room.bodies : Self.room.all), mailbox.put(records) else {
            held.subtract(size, ordering: .relaxed)
            logger.warning("Outbox is full", metadata: ["records": "\(records.count)"])
            return
        }
    }

    /// Sends until the outbox is closed and empty.
    func run() async {
        await withDiscardingTaskGroup { group in
            while let batch = await mailbox.take() {
                // The next batch need not wait until this one is confirmed.
                group.addTask {
                    for case .failed(let error) in await self.broker.send(batch) {
                        self.logger.debug("Record not sent", metadata: ["reason": "\(error)"])
                    }
                    self.held.subtract(Self.size(of: batch), ordering: .relaxed)
                }
            }
        }
    }

    func close() {
        mailbox.close()
    }

    private static func size(of records: [OutgoingRecord]) -> Int {
        records.reduce(0) { $0 + $1.payload.count }
    }
}
