public import RelayFormat

/// A record on its way to a place.
public struct OutgoingRecord: Sendable, Equatable {
    /// Where it goes.
    public var place: Place
    /// The message; a broker reads at most its first `RelayHeader.size` bytes.
    public var payload: [UInt8]
    /// When it is of no use any more; from then on it is settled, never delivered.
    public var expiresAt: RelayTime
    /// What it has to survive.
    public var durability: Durability
    /// Which lane of an inbox it takes; without meaning elsewhere.
    public var lane: Lane

    /// Makes a record.
    public init(
        to place: Place, payload: [UInt8], expiresAt: RelayTime, durability: Durability = .process,
        lane: Lane = .control
    ) {
        self.place = place
        self.payload = payload
        self.expiresAt = expiresAt
        self.durability = durability
        self.lane = lane
    }
}

/// What a record has to survive before `send` says that it is stored.
public enum Durability: UInt8, Sendable, Comparable {
    /// Nothing: it lives as long as the broker's process. Right where its sender would not survive either.
    case process = 0
    /// The end of the broker's process and of its machine's power.
    case disk = 1

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The two lanes of an inbox: control frames never wait behind data.
public enum Lane: UInt8, Sendable, CaseIterable {
    /// Small frames that steer.
    case control = 0
    /// Bodies.
    case data = 1
}

/// Names one delivery of one record: who owns the lease is fenced by its epoch.
public struct DeliveryToken: Sendable, Hashable {
    /// The record's number at its broker.
    public var record: UInt64
    /// Counts the leases of the record, from 1.
    public var leaseEpoch: UInt32

    /// Names a delivery.
    public init(record: UInt64, leaseEpoch: UInt32) {
        self.record = record
        self.leaseEpoch = leaseEpoch
    }
}

/// A record of a group queue in the hands of a member; it holds one credit until it is settled.
public struct Delivery: Sendable, Equatable {
    /// What settles it.
    public var token: DeliveryToken
    /// The message.
    public var payload: [UInt8]
    /// Whether another member, or this one, may have been given the record before.
    public var mayBeRedelivery: Bool

    /// Makes a delivery.
    public init(token: DeliveryToken, payload: [UInt8], mayBeRedelivery: Bool) {
        self.token = token
        self.payload = payload
        self.mayBeRedelivery = mayBeRedelivery
    }
}

/// What happens to the deliveries of a subscription.
public enum GroupEvent: Sendable, Equatable {
    /// Records to work on.
    case delivered([Delivery])
    /// Leases that ended without the member: completing them would be fenced.
    case revoked([DeliveryToken])
}

/// What a watcher of presence sees.
public enum PresenceEvent: Sendable, Equatable {
    /// A beat.
    case beat([UInt8])
    /// The inbox of a boot was closed, by its owner or because its link broke.
    case closed(BootID)
}
