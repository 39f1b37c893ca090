public import RelayFormat

/// A broker that is an embedded queue.
public protocol EmbeddedBroker: Broker {
    /// The queue.
    var queue: EmbeddedQueue { get }
}

extension EmbeddedBroker {
    /// Ends leases and records when their time comes, until the broker is closed or the task is cancelled.
    public func run() async throws {
        await queue.run()
    }

    // A group's queue is there as soon as somebody uses it.
    public func provision(_ group: GroupPlace) async throws(BrokerError) {}

    public func send(_ records: [OutgoingRecord]) async -> [SendOutcome] {
        await queue.send(records)
    }

    public func subscribe(
        to group: GroupPlace, as member: BootID, credit: Int
    ) async throws(BrokerError) -> any GroupSubscription {
        let (reader, bell) = try queue.join(group, as: member, credit: credit)
        return EmbeddedSubscription(queue: queue, place: group, reader: reader, bell: bell)
    }

    public func openInbox(_ inbox: InboxPlace) async throws(BrokerError) -> any Inbox {
        let (reader, bell) = try queue.open(inbox)
        return EmbeddedInbox(queue: queue, place: inbox, reader: reader, bell: bell)
    }

    public func watchPresence(of tenant: TenantID) async throws(BrokerError) -> any PresenceWatch {
        let (reader, bell) = try queue.watch(tenant)
        return EmbeddedWatch(queue: queue, tenant: tenant, reader: reader, bell: bell)
    }

    public func close() async {
        await queue.close()
    }
}
