internal import BrokerCore

/// Records of one send, on their way to the library.
struct SendParcel: Sendable {
    var slot: Int
    var records: [OutgoingRecord]
    var targets: [SendRoutes.Target]
    var since: ContinuousClock.Instant
}

/// Lets few batches into the library at a time: the next forms while they are under way, and nothing lingers when idle.
///
/// librdkafka sends each partition's records in requests of their own, five at most on a connection, and spins while more
/// wait; fewer and larger requests cost its thread and the cluster less.
struct SendGate: ~Copyable {
    /// How many batches are in the library's hands at a time.
    private static let most = 2
    private var unanswered: [Int: Int] = [:]
    private var last = 0
    private var waiting: [SendParcel] = []
    /// The payloads that wait.
    private(set) var waitingBytes = 0

    /// Whether nothing waits and nothing is under way.
    var isEmpty: Bool { unanswered.isEmpty && waiting.isEmpty }

    /// Lets a parcel in, as the batch of the given number, or keeps it until there is room.
    mutating func enter(_ parcel: SendParcel) -> Int? {
        guard unanswered.count < Self.most else {
            waiting.append(parcel)
            waitingBytes += parcel.records.reduce(0) { $0 + $1.payload.count }
            return nil
        }
        return begin(parcel.records.count)
    }

    /// Takes note of answers to a batch; what may go next, when that was the rest of it.
    mutating func answered(_ batch: Int, _ count: Int) -> (batch: Int, parcels: [SendParcel])? {
        guard let left = unanswered[batch] else { return nil }
        guard left <= count else {
            unanswered[batch] = left - count
            return nil
        }
        unanswered[batch] = nil
        guard !waiting.isEmpty else { return nil }
        defer { (waiting, waitingBytes) = ([], 0) }
        return (begin(waiting.reduce(0) { $0 + $1.records.count }), waiting)
    }

    /// Gives up what waits.
    mutating func drain() {
        (waiting, waitingBytes, unanswered) = ([], 0, [:])
    }

    private mutating func begin(_ count: Int) -> Int {
        last += 1
        unanswered[last] = count
        return last
    }
}
