internal import RelayFormat

/// A member's place in a group of an embedded queue.
struct EmbeddedSubscription: GroupSubscription {
    let queue: EmbeddedQueue
    let place: GroupPlace
    let reader: ReaderID
    let bell: Doorbell

    func next() async -> [GroupEvent]? {
        await queue.next(bell) { board, now in board.take(from: place, by: reader, now: now) }
    }

    func complete(_ tokens: [DeliveryToken]) async throws(BrokerError) -> [DeliveryToken] {
        try await queue.use { board, now in board.complete(tokens, in: place, by: reader, now: now) }
    }

    func extend(_ tokens: [DeliveryToken]) async throws(BrokerError) -> [DeliveryToken] {
        try await queue.use { board, now in board.extend(tokens, in: place, by: reader, now: now) }
    }

    func close() async {
        queue.end { board, now in board.leave(place, reader, now: now) }
    }
}
