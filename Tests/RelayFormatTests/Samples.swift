import RelayFormat

/// One message of every shape that the protocol has, with every field set to something that shows.
enum Samples {
    static let tenant = TenantID(high: 0x0102_0304_0506_0708, low: 0x090a_0b0c_0d0e_0f10)
    static let group = GroupID(high: 0x1112_1314_1516_1718, low: 0x191a_1b1c_1d1e_1f20)
    static let sender = MemberID(high: 0x2122_2324_2526_2728, low: 0x292a_2b2c_2d2e_2f30)
    static let boot = BootID(high: 0x3132_3334_3536_3738, low: 0x393a_3b3c_3d3e_3f40)
    static let message = MessageID(high: 0x4142_4344_4546_4748, low: 0x494a_4b4c_4d4e_4f50)
    static let request = RequestID(high: 0x5152_5354_5556_5758, low: 0x595a_5b5c_5d5e_5f60)

    static func header(_ kind: MessageKind) -> RelayHeader {
        var header = RelayHeader(
            kind: kind, tenant: tenant, group: group, attempt: 0x6162_6364, sender: sender, boot: boot,
            sequence: 0x6566_6768_696a_6b6c, message: message, correlation: request,
            issuedAt: RelayTime(milliseconds: 0x7172_7374_7576_7778))
        header.epoch = 0x6d6e_6f70
        return header
    }

    static let httpRequest = HTTPRequestContent(
        method: "POST", target: "/reports/a%20b?x=1&y=%2F", headers: [.init("Accept", "text/plain"), .init("X", "")],
        body: Array("a body".utf8)[...])
    static let httpResponse = HTTPResponseContent(
        status: 201, headers: [.init("Set-Cookie", "a=1"), .init("Set-Cookie", "b=2")],
        body: Array("created".utf8)[...])

    static let requestMessage = RequestMessage(
        service: "intranet", requestClass: .keyed, deadline: RelayTime(milliseconds: 1_000),
        dispatchUntil: RelayTime(milliseconds: 900), runsAlone: true, operation: .http(httpRequest))
    static let beat = BeatMessage(
        role: .connector, readiness: .draining, bootNumber: 7, name: "söderberg", version: "1.2.3",
        services: [
            ServiceOffer("intranet"), ServiceOffer("printer", requestClass: .once),
            ServiceOffer("orders", honoursIdempotencyKey: true),
        ], inFlight: 3, credit: 253, note: "moving house")
    static let dispatches = [
        DispatchName(request: request, attempt: 1), DispatchName(request: .none, attempt: .max),
    ]

    /// A message: its name, its bytes, and a reading of them that says whether the same message came out.
    struct Sample: Sendable, CustomStringConvertible {
        var description: String
        var bytes: [UInt8]
        var survives: @Sendable ([UInt8]) throws -> Bool

        init<Body: MessageBody & Equatable>(_ name: String, _ kind: MessageKind, _ body: Body) throws {
            description = name
            let header = header(kind)
            bytes = try Envelope.encode(header, body)
            survives = { bytes in
                let envelope = try Envelope(decoding: bytes)
                return try envelope.decode(Body.self) == body && envelope.header == header
            }
        }
    }

    static func all() throws -> [Sample] {
        try [
            Sample("REQUEST", .request, requestMessage),
            Sample("RESPONSE with an answer", .response, ResponseMessage(.http(httpResponse))),
            Sample(
                "RESPONSE with a failure", .response,
                ResponseMessage(.failed(RequestFailure(.targetUnreachable, "connection refused")))),
            Sample("BEAT", .beat, beat),
            Sample("ACCEPTED", .accepted, DispatchListMessage(dispatches)),
            Sample("CLAIM", .claim, ClaimMessage(zip(dispatches, [.once, .safe]).map { .init($0, as: $1) })),
            Sample("GRANT", .grant, DispatchListMessage(dispatches)),
            Sample("ASK", .ask, DispatchListMessage(dispatches)),
            Sample(
                "KNOWN", .known,
                KnownMessage(KnownMessage.Knowledge.allCases.map { .init(dispatches[0], $0) })),
            Sample("CANCEL", .cancel, CancelMessage(dispatches, mode: .unwanted)),
            Sample("GOAWAY", .goAway, GoAwayMessage(.pause, until: RelayTime(milliseconds: 9), note: "moving house")),
            Sample("RETURN", .return, ReturnMessage(.busy)),
            Sample("RECEIPT", .receipt, ReceiptMessage([request, .none])),
            Sample("INVITE", .invite, InviteMessage(now: RelayTime(milliseconds: 5), bootNumber: 3)),
            Sample("PING", .ping, EmptyMessage()),
            Sample("PONG", .pong, EmptyMessage()),
        ]
    }

    /// Reads bytes as whatever their header says that they are, as a receiver does.
    static func readLikeAReceiver(_ bytes: [UInt8]) throws(RelayFormatError) {
        for message in try Envelope(decoding: bytes).unbundled() { try read(message) }
    }

    private static func read(_ envelope: Envelope) throws(RelayFormatError) {
        switch envelope.header.kind {
        case .request: _ = try envelope.decode(RequestMessage.self)
        case .response: _ = try envelope.decode(ResponseMessage.self)
        case .beat: _ = try envelope.decode(BeatMessage.self)
        case .accepted, .grant, .ask: _ = try envelope.decode(DispatchListMessage.self)
        case .claim: _ = try envelope.decode(ClaimMessage.self)
        case .known: _ = try envelope.decode(KnownMessage.self)
        case .cancel: _ = try envelope.decode(CancelMessage.self)
        case .goAway: _ = try envelope.decode(GoAwayMessage.self)
        case .return: _ = try envelope.decode(ReturnMessage.self)
        case .receipt: _ = try envelope.decode(ReceiptMessage.self)
        case .invite: _ = try envelope.decode(InviteMessage.self)
        // Their bodies belong to RelaySealing and to its users.
        case .hello, .welcome: break
        case .ping, .pong: _ = try envelope.decode(EmptyMessage.self)
        }
    }
}
