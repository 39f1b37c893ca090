internal import BrokerCore
internal import Logging
internal import RelayFormat
internal import Synchronization

/// Sends the records of each lane in the order in which they were put in, as many at a time as have gathered.
///
/// The lanes go by sends of their own, so that what steers need not wait behind bodies. A record that could not be sent is
/// logged and dropped: whatever matters is repeated by the protocol. So is one for which there is no room while the broker
/// is slow.
final class Outbox: Sendable {
    /// The most bytes that wait or are under way; what steers gets a little more than bodies do.
    private static let room: (bodies: Int, all: Int) = (64 << 20, 72 << 20)

    private let broker: any Broker
    private let control = Mailbox<OutgoingRecord>(capacity: 65_536)
    private let data = Mailbox<OutgoingRecord>(capacity: 65_536)
    private let held = Atomic<Int>(0)
    /// When those sends began that have not been confirmed.
    private let sends = Mutex<(count: Int, underWay: [Int: ContinuousClock.Instant])>((0, [:]))
    private let logger: Logger

    init(broker: any Broker, logger: Logger) {
        self.broker = broker
        self.logger = logger
    }

    /// Takes records to be sent; never waits.
    func put(_ records: [OutgoingRecord]) {
        let bodies = records.filter { $0.lane == .data }
        put(bodies, into: data, atMost: Self.room.bodies)
        if bodies.count < records.count {
            put(records.filter { $0.lane == .control }, into: control, atMost: Self.room.all)
        }
    }

    private func put(_ records: [OutgoingRecord], into mailbox: Mailbox<OutgoingRecord>, atMost room: Int) {
        guard !records.isEmpty else { return }
        let size = Self.size(of: records)
        guard held.add(size, ordering: .relaxed).newValue <= room, mailbox.put(records) else {
            held.subtract(size, ordering: .relaxed)
            logger.warning("Outbox is full", metadata: ["records": "\(records.count)"])
            return
        }
    }

    /// Sends until the outbox is closed and empty.
    func run() async {
        async let bodies: Void = run(data)
        await run(control)
        await bodies
    }

    /// Whether something has been under way for so long that sending it again would only make it longer.
    func isSlow(at now: ContinuousClock.Instant) -> Bool {
        sends.withLock { $0.underWay.values.contains { now - $0 > .milliseconds(500) } }
    }

    private func run(_ mailbox: Mailbox<OutgoingRecord>) async {
        await withDiscardingTaskGroup { group in
            while let batch = await mailbox.take() {
                let number = sends.withLock { sends in
                    sends.count += 1
                    sends.underWay[sends.count] = .now
                    return sends.count
                }
                // The next batch need not wait until this one is confirmed.
                group.addTask {
                    for case .failed(let error) in await self.broker.send(batch) {
                        self.logger.debug("Record not sent", metadata: ["reason": "\(error)"])
                    }
                    self.held.subtract(Self.size(of: batch), ordering: .relaxed)
                    self.sends.withLock { _ = $0.underWay.removeValue(forKey: number) }
                }
            }
        }
    }

    func close() {
        control.close()
        data.close()
    }

    private static func size(of records: [OutgoingRecord]) -> Int {
        records.reduce(0) { $0 + $1.payload.count }
    }
}
