import BrokerCore
import RelayFormat

/// A broker whose sends do not return until they may.
final class StuckBroker: Broker {
    let entered = Mailbox<Void>()
    let leave = Mailbox<Void>()
    let capabilities = BrokerCapabilities(
        name: "stuck", largestPayload: RelayLimits.sealedMessage, durability: .process, canProvision: true,
        seesClosedLinks: true)

    func provision(_ group: GroupPlace) async throws(BrokerError) {}

    func send(_ records: [OutgoingRecord]) async -> [SendOutcome] {
        entered.put(CollectionOfOne(()))
        _ = await leave.take()
        return records.map { _ in .stored }
    }

    func subscribe(
        to group: GroupPlace, as member: BootID, credit: Int
    ) async throws(BrokerError) -> any GroupSubscription { throw BrokerError(.notSupported, "stuck") }

    func openInbox(_ inbox: InboxPlace) async throws(BrokerError) -> any Inbox {
        throw BrokerError(.notSupported, "stuck")
    }

    func watchPresence(of tenant: TenantID) async throws(BrokerError) -> any PresenceWatch {
        throw BrokerError(.notSupported, "stuck")
    }

    func close() async {}
}
