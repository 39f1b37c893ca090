internal import DequeModule
internal import RelayFormat

/// The queue of one group: records wait in order, members with credit take them in rotation.
struct GroupQueue: Sendable {
    let place: GroupPlace
    var records: [UInt64: QueuedRecord] = [:]
    /// Numbers of records without a holder, the next one first; expired ones leave their numbers behind for a while.
    var ready = Deque<UInt64>()
    /// Members with free credit, the next one first; members that left stay in it for a while.
    var rotation = Deque<ReaderID>()
    var members: [ReaderID: GroupMember] = [:]
    private var readers: [BootID: ReaderID] = [:]
    var leased = 0
    private(set) var bytes = 0

    init(place: GroupPlace) {
        self.place = place
    }

    /// Whether nothing would be lost with the queue.
    var isIdle: Bool { members.isEmpty && records.isEmpty }

    /// Queues a record and gives it to a member that waits for one.
    mutating func add(_ record: QueuedRecord, as number: UInt64, now: RelayTime, _ account: inout BoardAccount) {
        bytes += record.payload.count
        account.counters.bytes += record.payload.count
        account.counters.records += 1
        records[number] = record
        ready.append(number)
        assign(now: now, &account)
        arm(number, &account)
    }

    /// Lets a boot compete; an earlier subscription of the same boot ends.
    mutating func join(
        _ reader: ReaderID, as boot: BootID, credit: Int, now: RelayTime, _ account: inout BoardAccount
    ) {
        if let former = readers[boot] { leave(former, now: now, &account) }
        readers[boot] = reader
        members[reader] = GroupMember(boot: boot, credit: credit)
        rotate(reader)
        assign(now: now, &account)
    }

    /// Takes a member out; what it held is ready again, the oldest first.
    mutating func leave(_ reader: ReaderID, now: RelayTime, _ account: inout BoardAccount) {
        guard let member = members.removeValue(forKey: reader) else { return }
        if readers[member.boot] == reader { readers[member.boot] = nil }
        if rotation.count > 16 + 2 * members.count { rotation.removeAll { members[$0] == nil } }
        account.actions.closed.append(reader)
        leased -= member.held.count
        for number in member.held.sorted(by: >) {
            records[number]?.release()
            makeReady(number, now: now, &account)
        }
        assign(now: now, &account)
    }

    /// Takes what waits for a member; nil when it is no member any more.
    mutating func take(by reader: ReaderID, now: RelayTime, _ account: inout BoardAccount) -> [GroupEvent]? {
        guard let (fresh, revoked) = members[reader]?.drain() else { return nil }
        var events: [GroupEvent] = []
        if !revoked.isEmpty { events.append(.revoked(revoked)) }
        guard !fresh.isEmpty else { return events }
        var deliveries: [Delivery] = []
        deliveries.reserveCapacity(fresh.count)
        let end = now + account.limits.leaseTime
        for number in fresh {
            guard let record = records[number], record.holder == reader, !record.isTaken else { continue }
            guard record.expiresAt > now else {
                account.counters.expired += 1
                settle(number, &account)
                continue
            }
            records[number]?.take(until: end)
            account.counters.delivered += 1
            if record.mayBeRedelivery { account.counters.redelivered += 1 }
            deliveries.append(
                Delivery(
                    token: DeliveryToken(record: number, leaseEpoch: record.leaseEpoch), payload: record.payload,
                    mayBeRedelivery: record.mayBeRedelivery))
        }
        if deliveries.count < fresh.count { assign(now: now, &account) }
        if !deliveries.isEmpty { events.append(.delivered(deliveries)) }
        return events
    }

    /// Settles deliveries of a member and gives it the next ones; nil when it is no member any more.
    ///
    /// - Returns: the tokens that were fenced.
    mutating func complete(
        _ tokens: [DeliveryToken], by reader: ReaderID, now: RelayTime, _ account: inout BoardAccount
    ) -> [DeliveryToken]? {
        guard members[reader] != nil else { return nil }
        var fenced: [DeliveryToken] = []
        for token in tokens {
            if records[token.record]?.isLeased(to: reader, epoch: token.leaseEpoch) == true {
                account.counters.completed += 1
                settle(token.record, &account)
            } else {
                fenced.append(token)
            }
        }
        account.counters.fenced += UInt64(fenced.count)
        assign(now: now, &account)
        return fenced
    }

    /// Prolongs leases of a member; nil when it is no member any more.
    ///
    /// - Returns: the tokens that were fenced.
    mutating func extend(
        _ tokens: [DeliveryToken], by reader: ReaderID, now: RelayTime, _ account: inout BoardAccount
    ) -> [DeliveryToken]? {
        guard members[reader] != nil else { return nil }
        let end = now + account.limits.leaseTime
        var fenced: [DeliveryToken] = []
        for token in tokens {
            if records[token.record]?.isLeased(to: reader, epoch: token.leaseEpoch) == true {
                records[token.record]?.prolong(until: end)
            } else {
                fenced.append(token)
            }
        }
        account.counters.fenced += UInt64(fenced.count)
        return fenced
    }

    /// Removes a record for good and gives its credit back.
    mutating func settle(_ number: UInt64, _ account: inout BoardAccount) {
        guard let record = records.removeValue(forKey: number) else { return }
        bytes -= record.payload.count
        account.counters.bytes -= record.payload.count
        account.counters.records -= 1
        if record.durability == .disk { account.actions.stores.append(.delete(number)) }
        if let holder = record.holder { free(number, of: holder) }
    }
}
