internal import BrokerCore
internal import NIOCore
internal import RelayFormat

/// What a client says; numbers that it hands out name its requests and whatever it has opened.
enum ClientMessage: LinkMessage {
    /// Who it is: a token, and a proof over the server's last nonce by the key that the token names.
    case authenticate(token: String, proof: [UInt8])
    case send(batch: UInt32, records: [OutgoingRecord])
    case subscribe(id: UInt32, group: GroupPlace, member: BootID, credit: UInt32)
    case openInbox(id: UInt32, place: InboxPlace)
    case watchPresence(id: UInt32, tenant: TenantID)
    case provision(id: UInt32, group: GroupPlace)
    /// Ends what was opened under the number.
    case close(id: UInt32)
    case complete(request: UInt32, subscription: UInt32, tokens: [DeliveryToken])
    case extend(request: UInt32, subscription: UInt32, tokens: [DeliveryToken])
    /// So many bytes of an inbox were taken by the application.
    case inboxCredit(id: UInt32, bytes: UInt32)

    private enum Code: UInt8 {
        case authenticate = 1
        case send = 2
        case subscribe = 3
        case openInbox = 4
        case watchPresence = 5
        case provision = 6
        case close = 7
        case complete = 8
        case extend = 9
        case inboxCredit = 10
    }

    var code: UInt8 {
        let code: Code =
            switch self {
            case .authenticate: .authenticate
            case .send: .send
            case .subscribe: .subscribe
            case .openInbox: .openInbox
            case .watchPresence: .watchPresence
            case .provision: .provision
            case .close: .close
            case .complete: .complete
            case .extend: .extend
            case .inboxCredit: .inboxCredit
            }
        return code.rawValue
    }

    var cost: Int {
        switch self {
        case .authenticate(let token, let proof): 16 + token.utf8.count + proof.count
        case .send(_, let records): records.reduce(16) { $0 + $1.payload.count + OutgoingRecord.overhead }
        case .complete(_, _, let tokens), .extend(_, _, let tokens): 24 + tokens.count * DeliveryToken.size
        case .subscribe, .openInbox, .watchPresence, .provision, .close, .inboxCredit: 64
        }
    }

    var isBulk: Bool {
        if case .send(_, let records) = self { records.first?.lane == .data } else { false }
    }

    func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .authenticate(let token, let proof):
            buffer.write(token: token)
            buffer.write(block: proof)
        case .send(let batch, let records):
            buffer.writeInteger(batch)
            buffer.write(list: records) { $1.encode(into: &$0) }
        case .subscribe(let id, let group, let member, let credit):
            buffer.writeInteger(id)
            group.encode(into: &buffer)
            buffer.write(member)
            buffer.writeInteger(credit)
        case .openInbox(let id, let place):
            buffer.writeInteger(id)
            place.encode(into: &buffer)
        case .watchPresence(let id, let tenant):
            buffer.writeInteger(id)
            buffer.write(tenant)
        case .provision(let id, let group):
            buffer.writeInteger(id)
            group.encode(into: &buffer)
        case .close(let id):
            buffer.writeInteger(id)
        case .complete(let request, let subscription, let tokens), .extend(let request, let subscription, let tokens):
            buffer.writeInteger(request)
            buffer.writeInteger(subscription)
            buffer.write(list: tokens) { $1.encode(into: &$0) }
        case .inboxCredit(let id, let bytes):
            buffer.writeInteger(id)
            buffer.writeInteger(bytes)
        }
    }

    init(code: UInt8, from reader: inout LinkReader) throws(LinkError) {
        guard let code = Code(rawValue: code) else { throw LinkReader.unknown("code") }
        switch code {
        case .authenticate:
            self = .authenticate(token: try reader.text("token"), proof: try reader.block("proof"))
        case .send:
            let batch: UInt32 = try reader.integer("batch")
            self = .send(
                batch: batch,
                records: try reader.list(minimum: OutgoingRecord.minimum, "records") { reader throws(LinkError) in
                    try OutgoingRecord(from: &reader)
                })
        case .subscribe:
            self = .subscribe(
                id: try reader.integer("id"), group: try GroupPlace(from: &reader),
                member: try reader.identifier("member"), credit: try reader.integer("credit"))
        case .openInbox: self = .openInbox(id: try reader.integer("id"), place: try InboxPlace(from: &reader))
        case .watchPresence:
            self = .watchPresence(id: try reader.integer("id"), tenant: try reader.identifier("tenant"))
        case .provision: self = .provision(id: try reader.integer("id"), group: try GroupPlace(from: &reader))
        case .close: self = .close(id: try reader.integer("id"))
        case .complete:
            self = .complete(
                request: try reader.integer("request"), subscription: try reader.integer("subscription"),
                tokens: try reader.tokens())
        case .extend:
            self = .extend(
                request: try reader.integer("request"), subscription: try reader.integer("subscription"),
                tokens: try reader.tokens())
        case .inboxCredit:
            self = .inboxCredit(id: try reader.integer("id"), bytes: try reader.integer("bytes"))
        }
    }
}

extension LinkReader {
    mutating func tokens() throws(LinkError) -> [DeliveryToken] {
        try list(minimum: DeliveryToken.size, "tokens") { reader throws(LinkError) in
            try DeliveryToken(from: &reader)
        }
    }
}
