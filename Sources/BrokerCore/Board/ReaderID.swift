/// Names one opening of a subscription, an inbox or a watch, so that a replaced reader can touch nothing of its successor.
struct ReaderID: Sendable, Hashable {
    let number: UInt64
}
