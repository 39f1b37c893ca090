internal import RelayFormat

extension QueueBoard {
    // Subscriptions

    /// Lets a boot compete for the records of a group.
    mutating func subscribe(to place: GroupPlace, as boot: BootID, credit: Int, now: RelayTime) -> ReaderID {
        let reader = makeReader()
        groups[place, default: GroupQueue(place: place)].join(reader, as: boot, credit: credit, now: now, &account)
        return reader
    }

    /// Takes what waits for a member; nil when the subscription is closed.
    mutating func take(from place: GroupPlace, by reader: ReaderID, now: RelayTime) -> [GroupEvent]? {
        groups[place]?.take(by: reader, now: now, &account)
    }

    /// Settles deliveries; nil when the subscription is closed, else the tokens that were fenced.
    mutating func complete(
        _ tokens: [DeliveryToken], in place: GroupPlace, by reader: ReaderID, now: RelayTime
    ) -> [DeliveryToken]? {
        groups[place]?.complete(tokens, by: reader, now: now, &account)
    }

    /// Prolongs leases; nil when the subscription is closed, else the tokens that were fenced.
    mutating func extend(
        _ tokens: [DeliveryToken], in place: GroupPlace, by reader: ReaderID, now: RelayTime
    ) -> [DeliveryToken]? {
        groups[place]?.extend(tokens, by: reader, now: now, &account)
    }

    /// Takes a member out of its group.
    mutating func leave(_ place: GroupPlace, _ reader: ReaderID, now: RelayTime) {
        groups[place]?.leave(reader, now: now, &account)
        dropIfIdle(place)
    }

    // Inboxes

    /// Opens an inbox in place of the one that was open.
    mutating func openInbox(_ place: InboxPlace) -> ReaderID {
        if let former = inboxes[place]?.reader { close(place, former) }
        let reader = makeReader()
        inboxes[place] = OpenInbox(reader: reader)
        return reader
    }

    /// Takes what waits in an inbox; nil when it is closed or another's.
    mutating func take(from place: InboxPlace, by reader: ReaderID, now: RelayTime) -> [[UInt8]]? {
        guard inboxes[place]?.reader == reader else { return nil }
        return inboxes[place]?.take(now: now, &account)
    }

    /// Closes an inbox with all it holds, and shows it to the watchers; does nothing when it is another's by now.
    mutating func close(_ place: InboxPlace, _ reader: ReaderID) {
        guard inboxes[place]?.reader == reader, let inbox = inboxes.removeValue(forKey: place) else { return }
        account.counters.bytes -= inbox.bytes
        account.actions.closed.append(reader)
        presence[place.tenant]?.announce(closed: place.boot, &account)
    }

    // Presence

    /// Shows a tenant's presence to a new reader.
    mutating func watch(_ tenant: TenantID) -> ReaderID {
        let reader = makeReader()
        presence[tenant, default: PresenceFeed()].watches[reader] = WatchBuffer()
        return reader
    }

    /// Takes what waits for a watcher; nil when the watch is closed.
    mutating func take(from tenant: TenantID, by reader: ReaderID, now: RelayTime) -> [PresenceEvent]? {
        presence[tenant]?.watches[reader]?.take(now: now)
    }

    /// Ends a watch.
    mutating func close(watch reader: ReaderID, of tenant: TenantID) {
        guard presence[tenant]?.watches.removeValue(forKey: reader) != nil else { return }
        account.actions.closed.append(reader)
        if presence[tenant]?.watches.isEmpty == true { presence[tenant] = nil }
    }

    /// Ends all readers and forgets all records; what is on disk stays there.
    mutating func closeAll() {
        for group in groups.values { account.actions.closed.append(contentsOf: group.members.keys) }
        for inbox in inboxes.values { account.actions.closed.append(inbox.reader) }
        for feed in presence.values { account.actions.closed.append(contentsOf: feed.watches.keys) }
        groups = [:]
        inboxes = [:]
        presence = [:]
        account.deadlines.rebuild(from: [])
        account.counters.bytes = 0
        account.counters.records = 0
    }

    private mutating func makeReader() -> ReaderID {
        nextReader += 1
        return ReaderID(number: nextReader)
    }
}
