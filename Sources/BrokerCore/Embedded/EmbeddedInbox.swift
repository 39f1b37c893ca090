internal import RelayFormat

/// The reading end of an inbox of an embedded queue.
struct EmbeddedInbox: Inbox {
    let queue: EmbeddedQueue
    let place: InboxPlace
    let reader: ReaderID
    let bell: Doorbell

    func next() async -> [[UInt8]]? {
        await queue.next(bell) { board, now in board.take(from: place, by: reader, now: now) }
    }

    func close() async {
        queue.end { board, _ in board.close(place, reader) }
    }
}
