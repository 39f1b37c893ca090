import RelayDelivery
import RelayFormat
import Testing

@Suite("One party of the relay")
struct CorrespondentTests {
    private let tenant = TenantID(high: 1, low: 1)
    private let party = Correspondent(
        tenant: TenantID(high: 1, low: 1), member: MemberID(high: 2, low: 2), boot: BootID(high: 3, low: 3))

    @Test("what it seals names it, counts up, and opens where it belongs")
    func sealing() throws {
        let now = RelayTime(milliseconds: 5)
        let first = try Envelope(decoding: party.seal(.ping, EmptyMessage(), at: now)).header
        let second = try Envelope(decoding: party.seal(.ping, EmptyMessage(), at: now)).header
        #expect(first.tenant == tenant)
        #expect(first.sender == party.member)
        #expect(first.boot == party.boot)
        #expect(first.issuedAt == now)
        #expect(second.sequence == first.sequence + 1)
        #expect(second.message != first.message)
        let payload = try party.seal(.pong, EmptyMessage(), correlation: RequestID(high: 8, low: 8), at: now)
        #expect(try party.open(payload, allowing: [.pong]).header.correlation == RequestID(high: 8, low: 8))
    }

    @Test("a message of another tenant, or of a kind that does not belong there, is refused")
    func foreign() throws {
        let stranger = Correspondent(tenant: TenantID(high: 9, low: 9), member: party.member, boot: party.boot)
        let payload = try stranger.seal(.ping, EmptyMessage(), at: .never)
        #expect(throws: RelayFormatError(.foreign, in: "tenant")) { try party.open(payload, allowing: [.ping]) }
        let own = try party.seal(.ping, EmptyMessage(), at: .never)
        #expect(throws: RelayFormatError(.foreign, in: "kind")) { try party.open(own, allowing: [.request, .beat]) }
        #expect(throws: RelayFormatError.self) { try party.open([1, 2, 3], allowing: [.ping]) }
    }
}
