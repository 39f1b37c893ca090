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
            guard message.kind.travelsWithBodies, case .inbox(let place) = message.place else {
                carriers.append(parcels.count)
                parcels.append(([index], 0))
                continue
            }
            let size = MessageBundle.overhead + message.body.count
            if let parcel = newest[place], parcels[parcel].size + size <= Self.room {
                carriers.append(parcel)
                parcels[parcel].members.append(index)
                parcels[parcel].size += size
            } else {
                newest[place] = parcels.count
                carriers.append(parcels.count)
                parcels.append(([index], size))
            }
        }
        messages = parcels.map { members, size in
            members.count == 1 ? given[members[0]] : Self.bundle(members.map { given[$0] }, size: size)
        }
    }

    private static func bundle(_ members: [OutgoingMessage], size: Int) -> OutgoingMessage {
        var writer = ByteWriter(capacity: size)
        var bundle = members[0]
        for member in members {
            MessageBundle.append(
                attempt: member.attempt, correlation: member.correlation, body: member.body, to: &writer)
            bundle.expiresAt = max(bundle.expiresAt, member.expiresAt)
        }
        bundle.isBundle = true
        bundle.attempt = 0
        bundle.correlation = .none
        bundle.body = writer.finish()
        return bundle
    }
}
