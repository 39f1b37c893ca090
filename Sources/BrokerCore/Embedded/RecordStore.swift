/// Keeps the durable records of an embedded queue where they survive its process.
public protocol RecordStore: Sendable {
    /// Appends operations to those that wait for the disk, and does nothing else: it is called under the queue's lock,
    /// so that the operations on one record come in their order.
    ///
    /// - Returns: what tells how they ended.
    func enqueue(_ operations: [StoreOperation]) -> StoreTicket

    /// Sees that what waits is written soon.
    func flush()

    /// Writes what waits and lets go of the disk; nothing is enqueued after it.
    func close() async
}

/// A change of what is stored.
public enum StoreOperation: Sendable, Equatable {
    /// Keeps a record; storing it a second time changes nothing.
    case insert(StoredRecord)
    /// Forgets a record; it never fails: a store that cannot do it now does it with a later write.
    case delete(UInt64)

    /// The number of the record.
    public var record: UInt64 {
        switch self {
        case .insert(let record): record.number
        case .delete(let number): number
        }
    }
}
