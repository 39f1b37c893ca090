internal import BrokerConformance
internal import BrokerCore
internal import KafkaBroker
internal import KafkaSites
internal import RelayFormat
internal import Testing

/// Other credentials: other connections take the place of those that are there.
@Suite struct RenewalTests {
    private static let frames = 600

    @Test func `an inbox moves to other connections, and no frame is lost, twice or out of order`() async throws {
        let site = KafkaSite.mock(try MockCluster(), clock: .system)
        do {
            let reader = Party(.connector, tenant: .random(), group: .random())
            let sender = Party(.dispatcher, tenant: reader.tenant, group: reader.group)
            let broker = try #require(try await site.connect(reader) as? ClusterBroker)
            let other = try await site.connect(sender)
            let place = reader.inboxPlace
            let inbox = try await broker.openInbox(place)
            let subscription = try await broker.subscribe(to: reader.groupPlace, as: reader.boot, credit: 8)
            let read = try await withThrowingTaskGroup(of: [UInt64].self) { group in
                group.addTask {
                    var numbers: [UInt64] = []
                    while numbers.count < Self.frames, let frames = await inbox.next() {
                        numbers += frames.map { $0.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
                    }
                    return numbers
                }
                group.addTask {
                    for number in 0..<Self.frames {
                        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: UInt64(number) >> UInt64(56 - 8 * $0)) }
                        try await other.send(
                            OutgoingRecord(
                                to: .inbox(place), payload: bytes, expiresAt: site.clock.now + .seconds(60)))
                    }
                    return []
                }
                group.addTask {
                    for _ in 0..<3 {
                        try await broker.renew(KafkaSecurity())
                        try await Task.sleep(for: .milliseconds(100))
                    }
                    return []
                }
                var read: [UInt64] = []
                for try await numbers in group where !numbers.isEmpty { read = numbers }
                return read
            }
            #expect(read == (0..<UInt64(Self.frames)).map { $0 })
            // The group is joined again over the connections that are there now.
            await subscription.close()
            let again = try await broker.subscribe(to: reader.groupPlace, as: reader.boot, credit: 8)
            try await other.send(
                OutgoingRecord(
                    to: .group(reader.groupPlace), payload: [1, 2, 3], expiresAt: site.clock.now + .seconds(60)))
            guard case .delivered(let deliveries) = try #require(await again.next()).first else {
                Issue.record("nothing was delivered")
                return
            }
            #expect(deliveries.map(\.payload) == [[1, 2, 3]])
            await again.close()
        } catch {
            await site.stop()
            throw error
        }
        await site.stop()
    }
}
