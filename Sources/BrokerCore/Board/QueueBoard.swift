internal import RelayFormat

/// The embedded queue as a value: who waits for what, who holds what until when.
///
/// Events come in with the time at which they happen. What the owner has to do outside collects in actions, which it
/// takes in the same turn. No event costs more than what it touches.
struct QueueBoard: Sendable {
    /// What became of a record that was sent.
    struct Admission: Sendable {
        let outcome: SendOutcome
        /// The record's number when it has to be on disk before the outcome is true.
        var durable: UInt64?
    }

    var groups: [GroupPlace: GroupQueue] = [:]
    var inboxes: [InboxPlace: OpenInbox] = [:]
    var presence: [TenantID: PresenceFeed] = [:]
    var account: BoardAccount
    private let durability: Durability
    private var nextRecord: UInt64
    var nextReader: UInt64 = 0

    /// Makes an empty board.
    ///
    /// - Parameters:
    ///   - durability: the most that records to groups can ask for.
    ///   - firstRecord: larger than any number that a former board of the same store gave, so that an old token never
    ///     fits a new record.
    init(limits: BoardLimits, durability: Durability, firstRecord: UInt64) {
        account = BoardAccount(limits: limits)
        self.durability = durability
        nextRecord = firstRecord
    }

    /// Takes the actions of the events since the last taking.
    mutating func takeActions() -> BoardActions {
        defer { account.actions = BoardActions() }
        return account.actions
    }

    /// Admits a record and passes it on as far as it goes at once.
    mutating func send(_ record: OutgoingRecord, now: RelayTime) -> Admission {
        let size = record.payload.count
        guard size <= account.limits.largestPayload else {
            return refuse(.tooLarge, "\(size) bytes, \(account.limits.largestPayload) at most")
        }
        guard record.expiresAt > now else {
            account.counters.expired += 1
            return Admission(outcome: .stored)
        }
        switch record.place {
        case .group(let place): return send(record, to: place, now: now)
        case .inbox(let place):
            guard inboxes[place] != nil else {
                account.counters.toNobody += 1
                return Admission(outcome: .stored)
            }
            guard account.hasRoom(for: size), inboxes[place]?.put(record, &account) == true else {
                return overloaded("the inbox is full")
            }
        case .presence(let tenant):
            presence[tenant]?.announce(beat: record.payload, expiresAt: record.expiresAt, &account)
        }
        return Admission(outcome: .stored)
    }

    private mutating func send(_ record: OutgoingRecord, to place: GroupPlace, now: RelayTime) -> Admission {
        guard record.durability <= durability else { return refuse(.notSupported, "this broker keeps nothing on disk") }
        let limits = account.limits
        guard account.hasRoom(for: record.payload.count),
            (groups[place]?.records.count ?? 0) < limits.groupRecords,
            record.payload.count <= limits.groupBytes - (groups[place]?.bytes ?? 0)
        else { return overloaded("the queue of the group is full") }
        let number = nextRecord
        nextRecord += 1
        var admission = Admission(outcome: .stored)
        if record.durability == .disk {
            admission.durable = number
            account.actions.stores.append(
                .insert(
                    StoredRecord(
                        number: number, place: place, payload: record.payload, expiresAt: record.expiresAt)))
        }
        let queued = QueuedRecord(payload: record.payload, expiresAt: record.expiresAt, durability: record.durability)
        groups[place, default: GroupQueue(place: place)].add(queued, as: number, now: now, &account)
        if account.deadlines.isCrowded(forRecords: account.counters.records) { rebuildDeadlines() }
        return admission
    }

    private mutating func overloaded(_ message: String) -> Admission {
        refuse(.overloaded(retryAfter: account.limits.retryAfter), message)
    }

    private mutating func refuse(_ code: BrokerError.Code, _ message: String) -> Admission {
        account.counters.refused += 1
        return Admission(outcome: .failed(BrokerError(code, message)))
    }

    /// Puts a record back that a former process had stored.
    mutating func restore(_ record: StoredRecord, now: RelayTime) {
        nextRecord = max(nextRecord, record.number + 1)
        groups[record.place, default: GroupQueue(place: record.place)]
            .add(QueuedRecord(recovered: record), as: record.number, now: now, &account)
    }

    /// Takes a record back whose storing failed; true when a member may have seen it.
    mutating func withdraw(_ number: UInt64, from place: GroupPlace, now: RelayTime) -> Bool {
        defer { dropIfIdle(place) }
        return groups[place]?.withdraw(number, now: now, &account) ?? false
    }

    /// Whether a record is still waiting or leased.
    func holds(_ number: UInt64, in place: GroupPlace) -> Bool {
        groups[place]?.records[number] != nil
    }
}
