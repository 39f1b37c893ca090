internal import BrokerCore
internal import NIOCore
internal import RelayFormat

#if DEBUG
    @testable internal import BrokerLink
    @testable internal import KafkaBroker

    /// What only its own target reads, so that it is tried in debug builds alone: frames of the link, from either side,
    /// and what a commit says besides its offset.
    extension FuzzTarget {
        static let inner: [FuzzTarget] = [
            // The first eight bytes are the offset that was committed.
            FuzzTarget(name: "offsets", seeds: [0, 0x7f].map { [$0] + [UInt8](repeating: 255, count: 7) + map }) {
                bytes in
                guard bytes.count >= 8 else { return }
                let position = bytes.withUnsafeBytes { Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) }
                let text = String(decoding: bytes.dropFirst(8), as: UTF8.self)
                let ranges = OffsetMetadata.decode(text, from: position)
                let again = OffsetMetadata.encode(ranges, from: position)
                precondition(OffsetMetadata.decode(again, from: position) == ranges, "another map")
            },
            link(
                "link-client",
                [
                    ClientMessage.authenticate(token: "ey.z", proof: [1, 2, 3]),
                    .send(
                        batch: 7,
                        records: [
                            OutgoingRecord(to: .group(group), payload: [1, 2], expiresAt: .never, durability: .disk),
                            OutgoingRecord(to: .inbox(inbox), payload: [], expiresAt: .never, lane: .data),
                            OutgoingRecord(to: .presence(tenant), payload: [3], expiresAt: .never),
                        ]),
                    .subscribe(id: 1, group: group, member: inbox.boot, credit: 64), .openInbox(id: 2, place: inbox),
                    .watchPresence(id: 3, tenant: tenant), .provision(id: 4, group: group), .close(id: 5),
                    .complete(request: 6, subscription: 1, tokens: tokens),
                    .extend(request: 7, subscription: 1, tokens: []), .inboxCredit(id: 2, bytes: 1000),
                ]),
            link(
                "link-server",
                [
                    ServerMessage.challenge(nonce: [1, 2, 3]),
                    .authenticated(
                        LinkGrant(
                            tenant: tenant, member: MemberID(high: 7, low: 8), boot: inbox.boot, life: .seconds(300),
                            nonce: [1],
                            capabilities: BrokerCapabilities(
                                name: "in memory", largestPayload: 300_000, durability: .process, canProvision: true,
                                seesClosedLinks: false))),
                    .sent(
                        batch: 1,
                        outcomes: [.stored, .failed(BrokerError(.overloaded(retryAfter: .milliseconds(250)), "full"))]),
                    .opened(id: 1), .failed(id: 2, BrokerError(.denied, "no")), .ended(id: 3),
                    .delivered(id: 1, [Delivery(token: tokens[0], payload: [1], mayBeRedelivery: true)]),
                    .revoked(id: 1, tokens), .inbox(id: 2, [[1], []]),
                    .presence(id: 3, [.beat([1, 2]), .closed(inbox.boot)]), .settled(request: 6, fenced: tokens),
                    .refused(.revoked, "gone"),
                ]),
        ]

        private static let tenant = TenantID(high: 1, low: 2)
        private static let group = GroupPlace(tenant: tenant, group: GroupID(high: 3, low: 4))
        private static let inbox = InboxPlace(tenant: tenant, boot: BootID(high: 5, low: 6))
        private static let map = Array("1:1+3,2+1".utf8)
        private static let tokens = [DeliveryToken(record: 1, leaseEpoch: 2)]

        private static func link<Message: LinkMessage>(_ name: String, _ samples: [Message]) -> FuzzTarget {
            let frames = samples.map { LinkFrame.pack([$0]) } + [LinkFrame.pack(samples)]
            let seeds = frames.flatMap { $0 }.map { Array($0.frame.readableBytesView) }
            return FuzzTarget(name: name, seeds: seeds) { bytes in
                guard let read = try? LinkFrame.unpack(ByteBuffer(bytes: bytes), as: Message.self) else { return }
                let again = LinkFrame.pack(read).flatMap { (try? LinkFrame.unpack($0.frame, as: Message.self)) ?? [] }
                precondition(again == read, "another message")
            }
        }
    }
#else
    extension FuzzTarget {
        static let inner: [FuzzTarget] = []
    }
#endif
