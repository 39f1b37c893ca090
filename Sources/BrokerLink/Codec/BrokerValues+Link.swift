internal import BrokerCore
internal import NIOCore
internal import RelayFormat

extension Place {
    private enum Kind: UInt8 {
        case group = 0
        case inbox = 1
        case presence = 2
    }

    func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .group(let place):
            buffer.writeInteger(Kind.group.rawValue)
            place.encode(into: &buffer)
        case .inbox(let place):
            buffer.writeInteger(Kind.inbox.rawValue)
            place.encode(into: &buffer)
        case .presence(let tenant):
            buffer.writeInteger(Kind.presence.rawValue)
            buffer.write(tenant)
        }
    }

    init(from reader: inout LinkReader) throws(LinkError) {
        let kind: Kind = try reader.choice("place")
        self =
            switch kind {
            case .group: .group(try GroupPlace(from: &reader))
            case .inbox: .inbox(try InboxPlace(from: &reader))
            case .presence: .presence(try reader.identifier("tenant"))
            }
    }
}

extension GroupPlace {
    func encode(into buffer: inout ByteBuffer) {
        buffer.write(tenant)
        buffer.write(group)
    }

    init(from reader: inout LinkReader) throws(LinkError) {
        self.init(tenant: try reader.identifier("tenant"), group: try reader.identifier("group"))
    }
}

extension InboxPlace {
    func encode(into buffer: inout ByteBuffer) {
        buffer.write(tenant)
        buffer.write(boot)
    }

    init(from reader: inout LinkReader) throws(LinkError) {
        self.init(tenant: try reader.identifier("tenant"), boot: try reader.identifier("boot"))
    }
}

extension OutgoingRecord {
    /// What a record takes beside its payload, at most.
    static let overhead = 64
    /// The least that a record can take.
    static let minimum = 31

    func encode(into buffer: inout ByteBuffer) {
        place.encode(into: &buffer)
        buffer.write(expiresAt)
        buffer.writeInteger(durability.rawValue)
        buffer.writeInteger(lane.rawValue)
        buffer.write(block: payload)
    }

    init(from reader: inout LinkReader) throws(LinkError) {
        let place = try Place(from: &reader)
        let expiresAt = try reader.time("expires-at")
        let durability: Durability = try reader.choice("durability")
        let lane: Lane = try reader.choice("lane")
        self.init(
            to: place, payload: try reader.block("payload"), expiresAt: expiresAt, durability: durability, lane: lane)
    }
}

extension DeliveryToken {
    static let size = 12

    func encode(into buffer: inout ByteBuffer) {
        buffer.writeInteger(record)
        buffer.writeInteger(leaseEpoch)
    }

    init(from reader: inout LinkReader) throws(LinkError) {
        self.init(record: try reader.integer("record"), leaseEpoch: try reader.integer("lease-epoch"))
    }
}

extension Delivery {
    static let overhead = 17

    func encode(into buffer: inout ByteBuffer) {
        token.encode(into: &buffer)
        buffer.write(mayBeRedelivery)
        buffer.write(block: payload)
    }

    init(from reader: inout LinkReader) throws(LinkError) {
        let token = try DeliveryToken(from: &reader)
        let mayBeRedelivery = try reader.flag("may-be-redelivery")
        self.init(token: token, payload: try reader.block("payload"), mayBeRedelivery: mayBeRedelivery)
    }
}

extension PresenceEvent {
    private enum Kind: UInt8 {
        case beat = 0
        case closed = 1
    }

    /// The least that an event can take.
    static let minimum = 5
    var cost: Int {
        switch self {
        case .beat(let payload): 5 + payload.count
        case .closed: 17
        }
    }

    func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .beat(let payload):
            buffer.writeInteger(Kind.beat.rawValue)
            buffer.write(block: payload)
        case .closed(let boot):
            buffer.writeInteger(Kind.closed.rawValue)
            buffer.write(boot)
        }
    }

    init(from reader: inout LinkReader) throws(LinkError) {
        let kind: Kind = try reader.choice("presence")
        self =
            switch kind {
            case .beat: .beat(try reader.block("beat"))
            case .closed: .closed(try reader.identifier("boot"))
            }
    }
}
