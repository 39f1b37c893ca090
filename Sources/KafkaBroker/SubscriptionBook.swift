internal import BrokerCore
internal import DequeModule
internal import KafkaTopology
internal import RelayFormat

/// What a member of a group has been given and what it has in hand: a value, changed under its owner's lock.
struct SubscriptionBook: ~Copyable {
    /// A partition that is about to be the member's.
    struct Share: Sendable {
        var partition: Int32
        /// The committed offset, or where the partition begins.
        var from: Int64
        /// What a former owner finished beyond it.
        var finished: [Range<Int64>]
        /// The end at the time of the assignment: what lies before it may have been another's.
        var freshFrom: Int64
    }

    /// What is to be committed of a partition.
    struct Commit: Equatable {
        var partition: Int32
        var offset: Int64
        var metadata: String
    }

    private struct Partition {
        var ledger: OffsetLedger
        var freshFrom: Int64
        var committed: Int64?
        /// Whether something was finished since the last commit.
        var isDirty = false
        var isPaused = false
        var isCrowded = false
    }

    private struct Waiting {
        var partition: Int32
        var record: FetchedRecord
        var mayBeRedelivery: Bool
    }

    private struct Held {
        var token: DeliveryToken
        var partition: Int32
        var offset: Int64
    }

    /// How much waits at most before fetching stops.
    private static let mostBytes = 4 << 20
    private let credit: Int
    private var partitions: [Int32: Partition] = [:]
    private var waiting = Deque<Waiting>()
    private var waitingBytes = 0
    private var held: [UInt64: Held] = [:]
    private var lastToken: UInt64
    private var revoked: [DeliveryToken] = []

    /// Makes an empty book.
    ///
    /// - Parameter number: the subscription's, so that no two of a process name their deliveries alike.
    init(credit: Int, number: UInt32 = 0) {
        self.credit = max(1, credit)
        lastToken = UInt64(number) << 40
    }

    /// Whether the member holds something unfinished.
    var isBusy: Bool { !held.isEmpty }
    /// Whether something is there that the member could take.
    var isReady: Bool { !revoked.isEmpty || (!waiting.isEmpty && held.count < credit) }
    /// Whether something was finished that is not committed yet.
    var isDirty: Bool { partitions.values.contains { $0.isDirty } }

    /// The partitions are the member's from now on, and no others.
    mutating func assign(_ shares: [Share]) {
        for share in shares {
            partitions[share.partition] = Partition(
                ledger: OffsetLedger(from: share.from, finished: share.finished), freshFrom: share.freshFrom)
        }
    }

    /// Takes records in; what came before, is finished or has expired is passed over.
    mutating func receive(_ records: [FetchedRecord], from number: Int32, for group: GroupPlace, now: RelayTime) {
        guard partitions[number] != nil else { return }
        for record in records {
            guard partitions[number]?.ledger.receive(record.offset) == true else { continue }
            let isOurs =
                record.key.content == .work && record.key.tenant == group.tenant
                && record.key.high == group.group.high && record.key.low == group.group.low
            guard isOurs, record.key.expiresAt > now else {
                finish(record.offset, of: number)
                continue
            }
            waitingBytes += record.payload.count
            waiting.append(
                Waiting(
                    partition: number, record: record,
                    mayBeRedelivery: record.offset < partitions[number]?.freshFrom ?? .max))
        }
    }

    /// Hands over what the credit allows.
    mutating func take(now: RelayTime) -> [GroupEvent] {
        var events: [GroupEvent] = []
        if !revoked.isEmpty {
            events.append(.revoked(revoked))
            revoked = []
        }
        var deliveries: [Delivery] = []
        while held.count < credit, let next = waiting.popFirst() {
            waitingBytes -= next.record.payload.count
            guard next.record.key.expiresAt > now else {
                finish(next.record.offset, of: next.partition)
                continue
            }
            lastToken += 1
            let token = DeliveryToken(record: lastToken, leaseEpoch: next.mayBeRedelivery ? 2 : 1)
            held[lastToken] = Held(token: token, partition: next.partition, offset: next.record.offset)
            deliveries.append(
                Delivery(token: token, payload: next.record.payload, mayBeRedelivery: next.mayBeRedelivery))
        }
        if !deliveries.isEmpty { events.append(.delivered(deliveries)) }
        return events
    }

    /// Settles deliveries; gives back those that are not the member's any more.
    mutating func complete(_ tokens: [DeliveryToken]) -> [DeliveryToken] {
        tokens.filter { token in
            guard let one = held.removeValue(forKey: token.record) else { return true }
            finish(one.offset, of: one.partition)
            return false
        }
    }

    /// The deliveries among these that are not the member's any more.
    func fenced(_ tokens: [DeliveryToken]) -> [DeliveryToken] { tokens.filter { held[$0.record] == nil } }

    /// Hands nothing over any more that it has not yet; what is in hand can still be finished.
    mutating func stop() {
        waiting = []
        waitingBytes = 0
    }

    /// All partitions are another's from now on.
    mutating func revoke() {
        stop()
        revoked += held.values.map(\.token).sorted { $0.record < $1.record }
        held = [:]
        partitions = [:]
    }

    /// What is to be committed now; it counts as committed until `recommit`.
    mutating func commits() -> [Commit] {
        var commits: [Commit] = []
        for (number, partition) in partitions where partition.isDirty {
            let position = partition.ledger.position
            let metadata = OffsetMetadata.encode(partition.ledger.finishedBeyond, from: position)
            commits.append(Commit(partition: number, offset: position, metadata: metadata))
            partitions[number]?.isDirty = false
            partitions[number]?.committed = position
            partitions[number]?.isCrowded = metadata.utf8.count > OffsetMetadata.crowded
        }
        return commits.sorted { $0.partition < $1.partition }
    }

    /// A commit did not come about: all is to be committed again.
    mutating func recommit() {
        for number in partitions.keys where partitions[number]?.committed != nil { partitions[number]?.isDirty = true }
    }

    /// Which partitions are to be fetched from no more for now, and which again.
    mutating func pauses() -> (pause: [Int32], resume: [Int32]) {
        let isFull = waiting.count >= 4 * credit + 256 || waitingBytes >= Self.mostBytes
        let isLow = waiting.count <= credit + 64 && waitingBytes <= Self.mostBytes / 2
        var (pause, resume): ([Int32], [Int32]) = ([], [])
        for (number, partition) in partitions {
            if !partition.isPaused, isFull || partition.isCrowded {
                pause.append(number)
                partitions[number]?.isPaused = true
            } else if partition.isPaused, isLow, !partition.isCrowded {
                resume.append(number)
                partitions[number]?.isPaused = false
            }
        }
        return (pause, resume)
    }

    private mutating func finish(_ offset: Int64, of number: Int32) {
        partitions[number]?.ledger.finish(offset)
        partitions[number]?.isDirty = true
    }
}
