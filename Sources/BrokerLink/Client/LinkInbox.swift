internal import BrokerCore
internal import Synchronization

/// The reading end of an inbox at the far end of a link; gives room back as its records are taken.
///
/// Control frames pass data at the broker; what has come over the link already keeps its order.
final class LinkInbox: Inbox {
    private let id: UInt32
    private let client: LinkClient
    private let records = Mailbox<[UInt8]>()
    /// How many bytes came over the present connection and were not taken yet.
    private let owed = Mutex(0)

    init(id: UInt32, client: LinkClient) {
        self.id = id
        self.client = client
    }

    func next() async -> [[UInt8]]? {
        guard let taken = await records.take() else { return nil }
        let bytes = taken.reduce(0) { $0 + $1.count }
        let credit = owed.withLock { owed in
            let credit = min(bytes, owed)
            owed -= credit
            return credit
        }
        if credit > 0 { client.post(.inboxCredit(id: id, bytes: UInt32(clamping: credit))) }
        return taken
    }

    func close() async { client.close(id) }

    func take(_ arrived: [[UInt8]]) {
        let bytes = arrived.reduce(0) { $0 + $1.count }
        owed.withLock { $0 += bytes }
        records.put(arrived)
    }

    func cut() { owed.withLock { $0 = 0 } }

    func end() { records.close() }
}
