internal import RelayFormat

/// A view of a tenant's presence at an embedded queue.
struct EmbeddedWatch: PresenceWatch {
    let queue: EmbeddedQueue
    let tenant: TenantID
    let reader: ReaderID
    let bell: Doorbell

    func next() async -> [PresenceEvent]? {
        await queue.next(bell) { board, now in board.take(from: tenant, by: reader, now: now) }
    }

    func close() async {
        queue.end { board, _ in board.close(watch: reader, of: tenant) }
    }
}
