import BrokerCore
import NIOCore
import RelayFormat
import TestTools
import Testing

@testable import BrokerLink

@Suite struct LinkMessageTests {
    static let tenant = TenantID(high: 1, low: 2)
    static let boot = BootID(high: 3, low: 4)
    static let group = GroupPlace(tenant: tenant, group: GroupID(high: 5, low: 6))
    static let tokens = [DeliveryToken(record: 1, leaseEpoch: 2), DeliveryToken(record: .max, leaseEpoch: .max)]

    static let client: [ClientMessage] = [
        .authenticate(token: "ey.ä.z", proof: [1, 2, 3]),
        .authenticate(token: "", proof: []),
        .send(batch: 7, records: []),
        .send(
            batch: .max,
            records: [
                OutgoingRecord(to: .group(group), payload: [1, 2], expiresAt: .never, durability: .disk),
                OutgoingRecord(
                    to: .inbox(InboxPlace(tenant: tenant, boot: boot)), payload: [],
                    expiresAt: RelayTime(milliseconds: 9), lane: .data),
                OutgoingRecord(
                    to: .presence(tenant), payload: Array(repeating: 9, count: 70_000),
                    expiresAt: RelayTime(milliseconds: 0)),
            ]),
        .subscribe(id: 1, group: group, member: boot, credit: 64),
        .openInbox(id: 2, place: InboxPlace(tenant: tenant, boot: boot)),
        .watchPresence(id: 3, tenant: tenant),
        .provision(id: 4, group: group),
        .close(id: 5),
        .complete(request: 6, subscription: 1, tokens: tokens),
        .extend(request: 7, subscription: 1, tokens: []),
        .inboxCredit(id: 2, bytes: 1000),
    ]

    static let server: [ServerMessage] = [
        .challenge(nonce: Array(0..<32)),
        .authenticated(
            LinkGrant(
                tenant: tenant, member: MemberID(high: 7, low: 8), boot: boot, life: .seconds(300), nonce: [1],
                capabilities: BrokerCapabilities(
                    name: "in memory", largestPayload: 300_000, durability: .process, canProvision: true,
                    seesClosedLinks: false))),
        .sent(
            batch: 1,
            outcomes: [
                .stored, .failed(BrokerError(.overloaded(retryAfter: .milliseconds(250)), "full")),
                .failed(BrokerError(.notPersisted, "")), .failed(BrokerError(.unknown, "")),
                .failed(BrokerError(.fenced, "")), .failed(BrokerError(.closed, "")),
                .failed(BrokerError(.denied, "no")),
                .failed(BrokerError(.notSupported, "")), .failed(BrokerError(.tooLarge, "")),
            ]),
        .opened(id: 1),
        .failed(id: 2, BrokerError(.denied, "not yours")),
        .ended(id: 3),
        .delivered(
            id: 1,
            [
                Delivery(token: tokens[0], payload: [1, 2, 3], mayBeRedelivery: false),
                Delivery(token: tokens[1], payload: [], mayBeRedelivery: true),
            ]),
        .revoked(id: 1, tokens),
        .inbox(id: 2, [[1], [], [2, 3]]),
        .presence(id: 3, [.beat([1, 2]), .closed(boot)]),
        .settled(request: 6, fenced: tokens),
        .refused(.revoked, "gone"),
    ]

    @Test("Every client message comes back as it was", arguments: client)
    func clientMessages(_ message: ClientMessage) throws {
        try expectRoundTrip(message)
    }

    @Test("Every server message comes back as it was", arguments: server)
    func serverMessages(_ message: ServerMessage) throws {
        try expectRoundTrip(message)
    }

    @Test("All messages that wait leave in one frame")
    func coalescing() throws {
        let frames = LinkFrame.pack(Self.client)
        #expect(frames.count == 1)
        #expect(try LinkFrame.unpack(frames[0].frame, as: ClientMessage.self) == Self.client)
    }

    @Test("What is too much for one frame goes into several, none beyond the limit")
    func splitting() throws {
        let record = OutgoingRecord(
            to: .presence(Self.tenant), payload: Array(repeating: 1, count: RelayLimits.sealedMessage),
            expiresAt: .never)
        let messages = (0..<20).map { ClientMessage.send(batch: $0, records: [record]) }
        let frames = LinkFrame.pack(messages)
        #expect(frames.count > 1)
        #expect(frames.allSatisfy { $0.frame.readableBytes <= LinkFrame.largest })
        #expect(try frames.flatMap { try LinkFrame.unpack($0.frame, as: ClientMessage.self) } == messages)
    }

    @Test("A list is cut into parts that a frame can hold")
    func chunks() {
        let payloads = (0..<10).map { _ in Array(repeating: UInt8(1), count: 300_000) }
        let chunks = payloads.chunks(ofCost: \.count)
        #expect(chunks.map(\.count) == [4, 4, 2])
        #expect([[UInt8]]().chunks(ofCost: \.count).isEmpty)
    }

    @Test("Every cut of a frame is refused")
    func truncation() throws {
        let frame = LinkFrame.pack(Self.server)[0].frame
        for length in 0..<min(frame.readableBytes, 600) {
            let slice = try #require(frame.getSlice(at: frame.readerIndex, length: length))
            // A cut between two messages leaves whole ones.
            guard let messages = try? LinkFrame.unpack(slice, as: ServerMessage.self) else { continue }
            #expect(messages == Array(Self.server.prefix(messages.count)))
        }
    }

    @Test(
        "Malformed frames are refused",
        arguments: [
            [], [1], [2, 7, 0, 0, 0, 4, 0, 0, 0, 5],  // no version, no message, another version
            [1, 99, 0, 0, 0, 0],  // an unknown code
            [1, 7, 0, 0, 0, 5, 0, 0, 0, 5, 0],  // bytes after the end
            [1, 7, 0xff, 0xff, 0xff, 0xff, 0],  // a length beyond the frame
            [1, 2, 0, 0, 0, 8, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff],  // more records than the frame could hold
            [1, 1, 0, 0, 0, 7, 0, 1, 0xff, 0, 0, 0, 0],  // text that is not UTF-8
        ])
    func malformed(_ bytes: [UInt8]) {
        #expect(throws: LinkError(.malformed, "")) {
            try LinkFrame.unpack(ByteBuffer(bytes: bytes), as: ClientMessage.self)
        }
    }

    @Test("Random changes of a frame never crash the reader, and what it reads can be written")
    func mutations() throws {
        var generator = SplitMix(seed: 42)
        let small = Self.client.filter { $0.cost < 1000 }
        let frames = [
            Array(LinkFrame.pack(small)[0].frame.readableBytesView),
            Array(LinkFrame.pack(Self.server)[0].frame.readableBytesView),
        ]
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = frames[Int.random(in: 0...1, using: &generator)]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: .min ... .max, using: &generator), at: index)
                }
            }
            let buffer = ByteBuffer(bytes: bytes)
            if let messages = try? LinkFrame.unpack(buffer, as: ClientMessage.self) {
                accepted += 1
                try messages.forEach(expectRoundTrip)
            }
            if let messages = try? LinkFrame.unpack(buffer, as: ServerMessage.self) {
                accepted += 1
                try messages.forEach(expectRoundTrip)
            }
        }
        #expect(accepted > 0)
    }

    private func expectRoundTrip(_ message: some LinkMessage) throws {
        let packed = LinkFrame.pack([message])
        #expect(packed.count == 1)
        #expect(packed[0].frame.readableBytes <= packed[0].cost + 6)
        #expect(try LinkFrame.unpack(packed[0].frame) == [message])
    }
}
