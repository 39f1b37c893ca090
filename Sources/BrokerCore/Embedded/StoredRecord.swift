public import RelayFormat

/// A group record as a durable store keeps it.
public struct StoredRecord: Sendable, Equatable {
    /// The record's number at its broker; grows with each record, over restarts too.
    public var number: UInt64
    /// The queue it waits in.
    public var place: GroupPlace
    /// The message.
    public var payload: [UInt8]
    /// When it is of no use any more.
    public var expiresAt: RelayTime

    /// Makes a record.
    public init(number: UInt64, place: GroupPlace, payload: [UInt8], expiresAt: RelayTime) {
        self.number = number
        self.place = place
        self.payload = payload
        self.expiresAt = expiresAt
    }
}
