internal import KafkaTopology
internal import RelayFormat

/// Headers and bodies of messages, keys of records.
extension FuzzTarget {
    static let formats: [FuzzTarget] = [
        FuzzTarget(name: "header", seeds: MessageKind.allCases.map { encode(header($0)) }) { bytes in
            guard let header = try? Envelope(decoding: bytes).header else { return }
            precondition(encode(header) == Array(bytes.prefix(RelayHeader.size)), "another header")
        },
        FuzzTarget(name: "bundle", seeds: [MessageBundle.body(of: [(1, request, [1, 2, 3]), (9, .none, [])])]) {
            bytes in
            var header = header(.response)
            header.isBundle = true
            guard let messages = try? Envelope(header: header, body: bytes[...]).unbundled() else { return }
            let parts = messages.map { ($0.header.attempt, $0.header.correlation, Array($0.body)) }
            precondition(MessageBundle.body(of: parts) == bytes, "another bundle")
        },
        body(
            "request",
            RequestMessage(
                service: "web", requestClass: .keyed, deadline: moment, dispatchUntil: moment, runsAlone: true,
                operation: .http(
                    HTTPRequestContent(
                        method: "POST", target: "/a?b=c", headers: [.init("Accept", "text/plain")], body: [1, 2])))),
        body(
            "response",
            ResponseMessage(.http(HTTPResponseContent(status: 201, headers: [.init("X", "y")], body: [3]))),
            ResponseMessage(.failed(RequestFailure(.targetUnreachable, "refused")))),
        body(
            "beat",
            BeatMessage(
                role: .connector, readiness: .draining, bootNumber: 7, name: "gw", version: "1",
                services: [
                    ServiceOffer("web", requestClass: .once), ServiceOffer("orders", honoursIdempotencyKey: true),
                ],
                inFlight: 3, credit: 9, note: "moving")),
        body("dispatches", DispatchListMessage(dispatches)),
        body("claim", ClaimMessage(dispatches.map { .init($0, as: .once) })),
        body("known", KnownMessage(KnownMessage.Knowledge.allCases.map { .init(dispatches[0], $0) })),
        body("cancel", CancelMessage(dispatches, mode: .unwanted)),
        body("go-away", GoAwayMessage(.pause, until: moment, note: "moving")),
        body("return", ReturnMessage(.busy)),
        body("receipt", ReceiptMessage([request, .none])),
        body("invite", InviteMessage(now: moment, bootNumber: 3)),
        FuzzTarget(name: "identifier", seeds: [Array(request.description.utf8)]) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let identifier = RequestID(text) else { return }
            precondition(identifier.description == text, "another identifier")
        },
        FuzzTarget(
            name: "record-key",
            seeds: [
                KafkaRecordKey(content: .work, expiresAt: moment, tenant: TenantID(high: 1, low: 2), high: 3, low: 4)
                    .bytes.withUnsafeBytes { Array($0) }
            ]
        ) { bytes in
            guard let key = bytes.withUnsafeBytes({ KafkaRecordKey($0) }) else { return }
            precondition(key.bytes.withUnsafeBytes { Array($0) } == bytes, "another key")
        },
    ]

    private static let moment = RelayTime(milliseconds: 1_700_000_000_000)
    private static let request = RequestID(high: 5, low: 6)
    private static let dispatches = [
        DispatchName(request: request, attempt: 1), DispatchName(request: .none, attempt: .max),
    ]

    private static func header(_ kind: MessageKind) -> RelayHeader {
        RelayHeader(
            kind: kind, tenant: TenantID(high: 1, low: 2), group: GroupID(high: 3, low: 4), attempt: 1,
            sender: MemberID(high: 7, low: 8), boot: BootID(high: 9, low: 10), sequence: 11,
            message: MessageID(high: 12, low: 13), correlation: request, issuedAt: moment)
    }

    private static func encode(_ header: RelayHeader) -> [UInt8] {
        var writer = ByteWriter()
        header.encode(into: &writer)
        return writer.finish()
    }

    static func encode(_ body: some MessageBody) -> [UInt8] {
        var writer = ByteWriter()
        guard (try? body.encode(into: &writer)) != nil else { preconditionFailure("what was read cannot be written") }
        return writer.finish()
    }

    /// The body of a kind of message, read and written again.
    static func body<Body: MessageBody>(_ name: String, _ samples: Body...) -> FuzzTarget {
        FuzzTarget(name: name, seeds: samples.map { encode($0) }) { bytes in
            var reader = ByteReader(bytes[...])
            guard let body = try? Body(from: &reader) else { return }
            precondition(encode(body) == Array(bytes.prefix(bytes.count - reader.remaining)), "another body")
        }
    }
}
