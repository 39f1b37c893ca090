internal import DequeModule
internal import RelayFormat

extension GroupQueue {
    /// Leases what is ready to members with credit, one record each in turn.
    mutating func assign(now: RelayTime, _ account: inout BoardAccount) {
        while !ready.isEmpty, let reader = rotation.popFirst() {
            guard members[reader]?.hasCredit == true else {
                members[reader]?.isInRotation = false
                continue
            }
            guard let number = nextReady(now: now, &account) else {
                rotation.prepend(reader)
                return
            }
            records[number]?.lease(to: reader, until: now + account.limits.leaseTime)
            leased += 1
            if members[reader]?.offer(number) == true { account.actions.wake.append(reader) }
            arm(number, &account)
            members[reader]?.isInRotation = false
            rotate(reader)
        }
    }

    /// Puts a member with free credit at the end of the rotation, once.
    mutating func rotate(_ reader: ReaderID) {
        guard let member = members[reader], member.hasCredit, !member.isInRotation else { return }
        members[reader]?.isInRotation = true
        rotation.append(reader)
    }

    /// Takes the record from the member's hands, so that its credit is free.
    mutating func free(_ number: UInt64, of reader: ReaderID) {
        leased -= 1
        members[reader]?.held.remove(number)
        rotate(reader)
    }

    /// Puts a record that lost its holder in front of the others; settles it when its time is over.
    mutating func makeReady(_ number: UInt64, now: RelayTime, _ account: inout BoardAccount) {
        guard let record = records[number] else { return }
        guard record.expiresAt > now else {
            account.counters.expired += 1
            settle(number, &account)
            return
        }
        ready.prepend(number)
        arm(number, &account)
    }

    /// Sees that the board looks at the record when it is due.
    mutating func arm(_ number: UInt64, _ account: inout BoardAccount) {
        guard let record = records[number], record.due < record.alarm else { return }
        records[number]?.alarm = record.due
        account.deadlines.insert(.init(at: record.due, record: number, place: place))
    }

    /// Whether a deadline is still the one that its record waits for.
    func awaits(_ entry: BoardDeadlines.Entry) -> Bool {
        records[entry.record]?.alarm == entry.at
    }

    /// Acts on a deadline that has come: the record expires, or the lease ends, or it is later than it was.
    mutating func meet(_ entry: BoardDeadlines.Entry, now: RelayTime, _ account: inout BoardAccount) {
        guard awaits(entry), let record = records[entry.record] else { return }
        records[entry.record]?.alarm = .never
        if record.due > now {
            arm(entry.record, &account)
        } else if let holder = record.holder {
            revoke(entry.record, from: holder, &account)
            makeReady(entry.record, now: now, &account)
            assign(now: now, &account)
        } else {
            account.counters.expired += 1
            settle(entry.record, &account)
            forgetExpired()
        }
    }

    /// Takes a record back that could not be stored; true when a member may have seen it.
    mutating func withdraw(_ number: UInt64, now: RelayTime, _ account: inout BoardAccount) -> Bool {
        guard let record = records[number] else { return false }
        if let holder = record.holder { revoke(number, from: holder, &account) }
        settle(number, &account)
        forgetExpired()
        assign(now: now, &account)
        return record.isTaken || record.mayBeRedelivery
    }

    /// Ends a lease without its holder, who hears of it if it has seen the record.
    private mutating func revoke(_ number: UInt64, from holder: ReaderID, _ account: inout BoardAccount) {
        guard let record = records[number] else { return }
        records[number]?.release()
        free(number, of: holder)
        guard record.isTaken else { return }
        account.counters.revoked += 1
        let token = DeliveryToken(record: number, leaseEpoch: record.leaseEpoch)
        if members[holder]?.revoke(token) == true { account.actions.wake.append(holder) }
    }

    /// The next record that is still there and in time.
    private mutating func nextReady(now: RelayTime, _ account: inout BoardAccount) -> UInt64? {
        while let number = ready.popFirst() {
            guard let record = records[number] else { continue }
            if record.expiresAt > now { return number }
            account.counters.expired += 1
            settle(number, &account)
        }
        return nil
    }

    /// Drops the numbers that expired records left among the ready ones, once they are the larger part.
    private mutating func forgetExpired() {
        guard ready.count > 64 + 2 * (records.count - leased) else { return }
        ready.removeAll { records[$0] == nil }
    }
}
