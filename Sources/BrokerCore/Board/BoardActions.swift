/// What the owner of a board does once it has released its lock, but for `stores`, which it queues under it.
struct BoardActions: Sendable {
    /// Readers for which there is something to take; each once until it takes.
    var wake: [ReaderID] = []
    /// Readers that are closed and have to be told.
    var closed: [ReaderID] = []
    /// What the durable store has to write, in order.
    var stores: [StoreOperation] = []
}
