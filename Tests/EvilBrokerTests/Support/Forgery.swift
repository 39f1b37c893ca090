import BrokerCore
import Connector
import Crypto
import Dispatcher
import RelayFormat
import RelayKeys

@testable import RelaySealing

/// What a member that means harm can make with the keys that it has, together with the broker.
struct Forgery {
    let site: EvilSite
    let tenant: EvilTenant
    /// What it knows of the group.
    let epoch: Epoch
    /// By what it signs.
    let signer: any IdentitySigning

    func header(
        _ kind: MessageKind, from sender: MemberID, _ boot: BootID, sequence: UInt64 = 1 << 40,
        correlation: RequestID = .none, attempt: UInt32 = 0
    ) -> RelayHeader {
        var header = RelayHeader(
            kind: kind, tenant: tenant.id, attempt: attempt, sender: sender, boot: boot, sequence: sequence,
            message: .random(), correlation: correlation, issuedAt: site.clock.clock.now)
        epoch.stamp(&header)
        return header
    }

    /// Seals for the group whatever is said there, and signs it by its own key.
    func seal(_ header: RelayHeader, _ body: some MessageBody) throws -> [UInt8] {
        var writer = ByteWriter(capacity: body.encodedSizeHint)
        try body.encode(into: &writer)
        let key = epoch.senderKey(header.kind, header.sender, header.boot).key
        let batch = UnsignedBatch([try SealedMessage.seal(header, writer.finish(), key: key)])
        return try batch.signed(with: signer.signature(over: batch.signedBytes))[0]
    }

    /// Seals something of a session under a key that it made up.
    func sealAsSession(_ header: RelayHeader, _ body: some MessageBody) throws -> [UInt8] {
        var writer = ByteWriter(capacity: body.encodedSizeHint)
        try body.encode(into: &writer)
        return try SealedMessage.seal(header, writer.finish(), key: SenderKey(SymmetricKey(size: .bits256)))
    }

    /// A session of its own with the dispatcher, and the HELLO that begins it.
    func begin(as member: MemberID, _ boot: BootID) throws -> (session: Session, hello: [UInt8]) {
        let dispatcher = tenant.party
        let (session, hello) = try Session.begin(
            in: epoch, boot: boot, with: dispatcher.member, boot: dispatcher.boot)
        return (session, try seal(header(.hello, from: member, boot), hello))
    }

    /// Says something in a session of its own.
    func say(
        _ kind: MessageKind, _ body: some MessageBody, in session: Session, sequence: UInt64 = 1,
        about request: RequestID, attempt: UInt32
    ) throws -> [UInt8] {
        var header = header(
            kind, from: session.own.member, session.own.boot, sequence: sequence, correlation: request,
            attempt: attempt)
        session.stamp(&header)
        var writer = ByteWriter(capacity: body.encodedSizeHint)
        try body.encode(into: &writer)
        return try session.seal(header, writer.finish())
    }

    /// A request that nobody made.
    static func request(at now: RelayTime) -> RequestMessage {
        RequestMessage(
            service: "witness", requestClass: .safe, deadline: now + .seconds(60), dispatchUntil: now + .seconds(60),
            operation: .http(HTTPRequestContent(method: "GET", target: "/forged", headers: [], body: [])))
    }

    /// A sign of life that takes a connector out of work.
    static let beat = BeatMessage(
        role: .connector, readiness: .draining, bootNumber: 99, name: "forged", version: "forged", services: [],
        inFlight: 0, credit: 0)

    static let answer = ResponseMessage(
        .http(HTTPResponseContent(status: 200, headers: [], body: Array("forged".utf8)[...])))
}
