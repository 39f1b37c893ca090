internal import DequeModule
internal import RelayFormat

/// An inbox that somebody has open: two lanes, each bounded by count and by bytes.
struct OpenInbox: Sendable {
    private struct Waiting: Sendable {
        let payload: [UInt8]
        let expiresAt: RelayTime
    }

    private struct LaneQueue: Sendable {
        var records = Deque<Waiting>()
        var bytes = 0
    }

    let reader: ReaderID
    private var control = LaneQueue()
    private var data = LaneQueue()
    private var isSignalled = false

    init(reader: ReaderID) {
        self.reader = reader
    }

    var bytes: Int { control.bytes + data.bytes }

    /// Puts a record into its lane; false when the lane is full.
    mutating func put(_ record: OutgoingRecord, _ account: inout BoardAccount) -> Bool {
        let size = record.payload.count
        switch record.lane {
        case .control: guard Self.put(record, into: &control, account.limits) else { return false }
        case .data: guard Self.put(record, into: &data, account.limits) else { return false }
        }
        account.counters.bytes += size
        if !isSignalled {
            isSignalled = true
            account.actions.wake.append(reader)
        }
        return true
    }

    /// Takes all control frames, then data up to the limit of one reading.
    mutating func take(now: RelayTime, _ account: inout BoardAccount) -> [[UInt8]] {
        isSignalled = false
        var taken: [[UInt8]] = []
        taken.reserveCapacity(control.records.count + min(data.records.count, 64))
        Self.take(from: &control, into: &taken, atMost: .max, now: now, &account)
        Self.take(from: &data, into: &taken, atMost: account.limits.inboxReadBytes, now: now, &account)
        return taken
    }

    private static func put(_ record: OutgoingRecord, into lane: inout LaneQueue, _ limits: BoardLimits) -> Bool {
        let size = record.payload.count
        guard lane.records.count < limits.laneRecords, size <= limits.laneBytes - lane.bytes else { return false }
        lane.records.append(Waiting(payload: record.payload, expiresAt: record.expiresAt))
        lane.bytes += size
        return true
    }

    private static func take(
        from lane: inout LaneQueue, into taken: inout [[UInt8]], atMost limit: Int, now: RelayTime,
        _ account: inout BoardAccount
    ) {
        let former = lane.bytes
        var bytes = 0
        while bytes < limit, let record = lane.records.popFirst() {
            lane.bytes -= record.payload.count
            if record.expiresAt > now {
                taken.append(record.payload)
                bytes += record.payload.count
            } else {
                account.counters.expired += 1
            }
        }
        account.counters.bytes -= former - lane.bytes
    }
}
