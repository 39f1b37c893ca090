internal import RelayFormat

/// A record in the queue of a group: ready while it has no holder, leased while it has one.
struct QueuedRecord: Sendable {
    let payload: [UInt8]
    let expiresAt: RelayTime
    let durability: Durability
    /// The member that holds the lease.
    private(set) var holder: ReaderID?
    /// Counts the leases; the current one, or the last.
    private(set) var leaseEpoch: UInt32 = 0
    private(set) var leaseEnd = RelayTime.never
    /// Whether the holder has been handed the record under this lease.
    private(set) var isTaken = false
    /// Whether anyone may have been handed the record under an earlier lease.
    private(set) var mayBeRedelivery = false
    /// The one entry among the deadlines that counts; `never` when there is none.
    var alarm = RelayTime.never

    init(payload: [UInt8], expiresAt: RelayTime, durability: Durability) {
        self.payload = payload
        self.expiresAt = expiresAt
        self.durability = durability
    }

    /// A record that was found on disk: what the former process did with it is unknown and counts as one lease.
    init(recovered record: StoredRecord) {
        self.init(payload: record.payload, expiresAt: record.expiresAt, durability: .disk)
        leaseEpoch = 1
        mayBeRedelivery = true
    }

    /// When the board has to act by itself: a lease shields its record from expiry.
    var due: RelayTime { holder == nil ? expiresAt : leaseEnd }

    func isLeased(to reader: ReaderID, epoch: UInt32) -> Bool {
        holder == reader && leaseEpoch == epoch
    }

    mutating func lease(to reader: ReaderID, until end: RelayTime) {
        holder = reader
        leaseEpoch &+= 1
        leaseEnd = end
        isTaken = false
    }

    mutating func prolong(until end: RelayTime) {
        leaseEnd = max(leaseEnd, end)
    }

    mutating func take(until end: RelayTime) {
        isTaken = true
        prolong(until: end)
    }

    mutating func release() {
        holder = nil
        mayBeRedelivery = mayBeRedelivery || isTaken
        isTaken = false
    }
}
