internal import BrokerCore
internal import RelayFormat

/// What leaves together, with the bodies that go to one process gathered into bundles: a seal, a record and its way cost
/// the same for many of them as for one.
///
/// What goes to one process keeps its order.
struct Bundling {
    /// As many bytes as pad to 40 KiB.
    private static let room = 40 * 1024 - 4

    /// What is to be sealed.
    private(set) var messages: [OutgoingMessage] = []
    /// For each message that was given, which of those carries it.
    private(set) var carriers: [Int] = []

    init(_ given: [OutgoingMessage]) {
        guard given.count > 1, given.contains(where: { $0.kind.travelsWithBodies }) else {
            messages = given
            carriers = Array(given.indices)
            return
        }
        var parcels: [(members: [Int], size: Int)] = []
        var newest: [InboxPlace: Int] = [:]
        carriers.reserveCapacity(given.count)
        for (index, message) in given.enumerated() {
            let size = MessageBundle.overhead + message.body.count
            let place = message.kind.travelsWithBodies ? message.inbox : nil
            if let place, let parcel = newest[place], parcels[parcel].size + size <= Self.room {
                carriers.append(parcel)
                parcels[parcel].members.append(index)
                parcels[parcel].size += size
                continue
            }
            if let place { newest[place] = parcels.count }
            carriers.append(parcels.count)
            parcels.append(([index], size))
        }
        messages = parcels.map { members, _ in
            members.count == 1 ? given[members[0]] : Self.bundle(members.map { given[$0] })
        }
    }

    private static func bundle(_ members: [OutgoingMessage]) -> OutgoingMessage {
        var bundle = members[0]
        bundle.body = MessageBundle.body(of: members.map { ($0.attempt, $0.correlation, $0.body) })
        bundle.isBundle = true
        bundle.attempt = 0
        bundle.correlation = .none
        for member in members { bundle.expiresAt = max(bundle.expiresAt, member.expiresAt) }
        return bundle
    }
}

extension OutgoingMessage {
    /// The inbox to which it goes, if it goes to one.
    fileprivate var inbox: InboxPlace? { if case .inbox(let place) = place { place } else { nil } }
}
