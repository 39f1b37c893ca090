internal import BrokerCore
internal import NIOCore
internal import RelayFormat

/// What a server says; numbers are the client's.
enum ServerMessage: LinkMessage {
    /// The first message: what the proof of the first authentication is over.
    case challenge(nonce: [UInt8])
    case authenticated(LinkGrant)
    /// What became of each record of a batch.
    case sent(batch: UInt32, outcomes: [SendOutcome])
    /// What was asked for under the number is there.
    case opened(id: UInt32)
    /// What was asked for under the number is not.
    case failed(id: UInt32, BrokerError)
    /// What was open under the number is not any more.
    case ended(id: UInt32)
    case delivered(id: UInt32, [Delivery])
    case revoked(id: UInt32, [DeliveryToken])
    case inbox(id: UInt32, [[UInt8]])
    case presence(id: UInt32, [PresenceEvent])
    case settled(request: UInt32, fenced: [DeliveryToken])
    /// The last message: why the link ends.
    case refused(LinkRefusal, String)

    private enum Code: UInt8 {
        case challenge = 65
        case authenticated = 66
        case sent = 67
        case opened = 68
        case failed = 69
        case ended = 70
        case delivered = 71
        case revoked = 72
        case inbox = 73
        case presence = 74
        case settled = 75
        case refused = 76
    }

    var code: UInt8 {
        let code: Code =
            switch self {
            case .challenge: .challenge
            case .authenticated: .authenticated
            case .sent: .sent
            case .opened: .opened
            case .failed: .failed
            case .ended: .ended
            case .delivered: .delivered
            case .revoked: .revoked
            case .inbox: .inbox
            case .presence: .presence
            case .settled: .settled
            case .refused: .refused
            }
        return code.rawValue
    }

    var cost: Int {
        switch self {
        case .challenge(let nonce): 16 + nonce.count
        case .authenticated(let grant): grant.cost
        case .sent(_, let outcomes): outcomes.reduce(16) { $0 + $1.cost }
        case .opened, .ended: 16
        case .failed(_, let error): 16 + error.cost
        case .delivered(_, let deliveries): deliveries.reduce(16) { $0 + $1.payload.count + Delivery.overhead }
        case .revoked(_, let tokens), .settled(_, let tokens): 16 + tokens.count * DeliveryToken.size
        case .inbox(_, let records): records.reduce(16) { $0 + $1.count + 4 }
        case .presence(_, let events): events.reduce(16) { $0 + $1.cost }
        case .refused(_, let message): 16 + min(message.utf8.count, 4096)
        }
    }

    var isBulk: Bool {
        switch self {
        // A lease must not end before it has begun.
        case .delivered, .revoked: true
        default: false
        }
    }

    func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .challenge(let nonce): buffer.write(block: nonce)
        case .authenticated(let grant): grant.encode(into: &buffer)
        case .sent(let batch, let outcomes):
            buffer.writeInteger(batch)
            buffer.write(list: outcomes) { $1.encode(into: &$0) }
        case .opened(let id), .ended(let id): buffer.writeInteger(id)
        case .failed(let id, let error):
            buffer.writeInteger(id)
            error.encode(into: &buffer)
        case .delivered(let id, let deliveries):
            buffer.writeInteger(id)
            buffer.write(list: deliveries) { $1.encode(into: &$0) }
        case .revoked(let id, let tokens), .settled(let id, let tokens):
            buffer.writeInteger(id)
            buffer.write(list: tokens) { $1.encode(into: &$0) }
        case .inbox(let id, let records):
            buffer.writeInteger(id)
            buffer.write(list: records) { $0.write(block: $1) }
        case .presence(let id, let events):
            buffer.writeInteger(id)
            buffer.write(list: events) { $1.encode(into: &$0) }
        case .refused(let refusal, let message):
            buffer.writeInteger(refusal.rawValue)
            buffer.write(text: message)
        }
    }

    init(code: UInt8, from reader: inout LinkReader) throws(LinkError) {
        guard let code = Code(rawValue: code) else { throw LinkReader.unknown("code") }
        switch code {
        case .challenge: self = .challenge(nonce: try reader.block("nonce"))
        case .authenticated: self = .authenticated(try LinkGrant(from: &reader))
        case .sent:
            let batch: UInt32 = try reader.integer("batch")
            self = .sent(
                batch: batch,
                outcomes: try reader.list(minimum: 1, "outcomes") { reader throws(LinkError) in
                    try SendOutcome(from: &reader)
                })
        case .opened: self = .opened(id: try reader.integer("id"))
        case .failed: self = .failed(id: try reader.integer("id"), try BrokerError(from: &reader))
        case .ended: self = .ended(id: try reader.integer("id"))
        case .delivered:
            let id: UInt32 = try reader.integer("id")
            self = .delivered(
                id: id,
                try reader.list(minimum: Delivery.overhead, "deliveries") { reader throws(LinkError) in
                    try Delivery(from: &reader)
                })
        case .revoked: self = .revoked(id: try reader.integer("id"), try reader.tokens())
        case .inbox:
            let id: UInt32 = try reader.integer("id")
            self = .inbox(
                id: id,
                try reader.list(minimum: 4, "records") { reader throws(LinkError) in try reader.block("record") })
        case .presence:
            let id: UInt32 = try reader.integer("id")
            self = .presence(
                id: id,
                try reader.list(minimum: PresenceEvent.minimum, "events") { reader throws(LinkError) in
                    try PresenceEvent(from: &reader)
                })
        case .settled: self = .settled(request: try reader.integer("request"), fenced: try reader.tokens())
        case .refused: self = .refused(try reader.choice("refusal"), try reader.text("message"))
        }
    }
}
