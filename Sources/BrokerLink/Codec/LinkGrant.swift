internal import BrokerCore
internal import NIOCore
internal import RelayFormat

/// What an authentication gave the client.
struct LinkGrant: Sendable, Equatable {
    /// As whom the server knows the client.
    var tenant: TenantID
    var member: MemberID
    var boot: BootID
    /// How long the credential is good for from now, so that the two clocks need not agree.
    var life: Duration
    /// What the proof of the next authentication is over.
    var nonce: [UInt8]
    /// What the broker behind the link can do.
    var capabilities: BrokerCapabilities

    var cost: Int { 80 + nonce.count + capabilities.cost }

    func encode(into buffer: inout ByteBuffer) {
        buffer.write(tenant)
        buffer.write(member)
        buffer.write(boot)
        buffer.writeInteger(UInt64(clamping: life.inMilliseconds))
        buffer.write(block: nonce)
        capabilities.encode(into: &buffer)
    }

    init(
        tenant: TenantID, member: MemberID, boot: BootID, life: Duration, nonce: [UInt8],
        capabilities: BrokerCapabilities
    ) {
        self.tenant = tenant
        self.member = member
        self.boot = boot
        self.life = life
        self.nonce = nonce
        self.capabilities = capabilities
    }

    init(from reader: inout LinkReader) throws(LinkError) {
        self.init(
            tenant: try reader.identifier("tenant"), member: try reader.identifier("member"),
            boot: try reader.identifier("boot"),
            life: .milliseconds(Int64(clamping: try reader.integer("life", as: UInt64.self))),
            nonce: try reader.block("nonce"), capabilities: try BrokerCapabilities(from: &reader))
    }
}
