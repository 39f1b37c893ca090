internal import BrokerCore
internal import Logging
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import Synchronization

/// Seals and sends the messages of each lane in the order in which they were put in, as many at a time as have gathered.
///
/// The lanes go by sends of their own, so that what steers need not wait behind bodies, and neither waits for the
/// signature of what is said to a group: a token may take its time for it. A message that could not be sent is logged and
/// dropped: whatever matters is repeated by the protocol. So is one for which there is no room while the broker is slow.
final class Outbox: Sendable {
    /// The most bytes that wait or are under way; what steers gets a little more than bodies do.
    private static let room: (bodies: Int, all: Int) = (64 << 20, 72 << 20)

    private let broker: any Broker
    private let sealing: any MessageSealing
    private let clock: RelayClock
    private let control = Mailbox<OutgoingMessage>(capacity: 65_536)
    private let data = Mailbox<OutgoingMessage>(capacity: 65_536)
    /// What is said to a group, under a signature: beats, and HELLOs that are said again.
    private let signed = Mailbox<OutgoingMessage>(capacity: 4096)
    private let unsaid = Mutex(UnsaidReturns())
    private let held = Atomic<Int>(0)
    /// When those sends began that have not been confirmed.
    private let sends = Mutex<(count: Int, underWay: [Int: ContinuousClock.Instant])>((0, [:]))
    private let logger: Logger

    init(broker: any Broker, sealing: any MessageSealing, clock: RelayClock, logger: Logger) {
        self.broker = broker
        self.sealing = sealing
        self.clock = clock
        self.logger = logger
    }

    /// Takes messages to be sent; never waits.
    func put(_ records: [OutgoingMessage]) {
        var (bodies, spoken, steering): ([OutgoingMessage], [OutgoingMessage], [OutgoingMessage]) = ([], [], [])
        for record in records {
            if record.lane == .data {
                bodies.append(record)
            } else if record.kind.isForGroup {
                spoken.append(record)
            } else {
                steering.append(record)
            }
        }
        put(bodies, into: data, atMost: Self.room.bodies)
        put(spoken, into: signed, atMost: Self.room.all)
        put(steering, into: control, atMost: Self.room.all)
    }

    private func put(_ records: [OutgoingMessage], into mailbox: Mailbox<OutgoingMessage>, atMost room: Int) {
        guard !records.isEmpty else { return }
        let size = Self.size(of: records)
        guard held.add(size, ordering: .relaxed).newValue <= room, mailbox.put(records) else {
            held.subtract(size, ordering: .relaxed)
            logger.warning("Outbox is full", metadata: ["records": "\(records.count)"])
            return
        }
    }

    /// Says what could not be said before, since the dispatchers concerned were not known yet.
    func putUnsaid() {
        put(unsaid.withLock { $0.take(at: clock.now) })
    }

    /// Sends until the outbox is closed and empty.
    func run() async {
        async let bodies: Void = run(data)
        async let spoken: Void = run(signed)
        await run(control)
        await bodies
        await spoken
    }

    /// Whether something has been under way for so long that sending it again would only make it longer.
    func isSlow(at now: ContinuousClock.Instant) -> Bool {
        sends.withLock { $0.underWay.values.contains { now - $0 > .milliseconds(500) } }
    }

    private func run(_ mailbox: Mailbox<OutgoingMessage>) async {
        await mailbox.sendOn { batch -> (records: [OutgoingRecord], size: Int, number: Int)? in
            let sealed = await seal(mailbox === signed ? batch.withNewestBeats : batch)
            let number = sends.withLock { sends in
                sends.count += 1
                sends.underWay[sends.count] = .now
                return sends.count
            }
            return (sealed, Self.size(of: batch), number)
        } sending: { [self] records, size, number in
            for case .failed(let error) in records.isEmpty ? [] : await broker.send(records) {
                logger.debug("Record not sent", metadata: ["reason": "\(error)"])
            }
            held.subtract(size, ordering: .relaxed)
            sends.withLock { _ = $0.underWay.removeValue(forKey: number) }
        }
    }

    private func seal(_ batch: [OutgoingMessage]) async -> [OutgoingRecord] {
        let sealed = await sealing.seal(batch, at: clock.now)
        for (message, carrier) in zip(batch, sealed.carriers) {
            guard case .failure(let error) = carrier else { continue }
            if error.code == .unknownSession, unsaid.withLock({ $0.keep(message) }) { continue }
            logger.debug("Message not sealed", metadata: ["kind": "\(message.kind)", "reason": "\(error)"])
        }
        return sealed.records
    }

    func close() {
        control.close()
        data.close()
        signed.close()
    }

    private static func size(of records: [OutgoingMessage]) -> Int {
        records.reduce(0) { $0 + $1.size }
    }
}

extension [OutgoingMessage] {
    /// All but those beats that are followed by a newer one in the same group's name: they waited for a slow signature.
    fileprivate var withNewestBeats: [OutgoingMessage] {
        guard count > 1, contains(where: { $0.kind == .beat }) else { return self }
        var seen: Set<GroupID> = []
        return reversed().filter { $0.kind != .beat || seen.insert($0.group).inserted }.reversed()
    }
}
