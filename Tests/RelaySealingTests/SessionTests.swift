import Crypto
import RelayFormat
import Testing

@testable import RelaySealing

@Suite("A session of two processes")
struct SessionTests {
    private func header(_ kind: MessageKind, of session: Session, sequence: UInt64 = 1) -> RelayHeader {
        var header = RelayHeader(
            kind: kind, tenant: .none, sender: .none, boot: .none, sequence: sequence,
            message: MessageID(high: session.own.boot.high, low: sequence), issuedAt: SealingStage.now)
        session.stamp(&header)
        return header
    }

    @Test("carries what each end says to the other", arguments: SealingSuite.allCases)
    func roundTrip(suite: SealingSuite) throws {
        let stage = try SealingStage(suite: suite)
        let (connector, dispatcher) = try stage.session()
        for session in [connector, dispatcher] {
            #expect(session.suite == suite && session.epoch == stage.core.number)
            #expect(session.notAfter == stage.core.notAfter)
        }
        #expect(connector.own == dispatcher.peer && connector.peer == dispatcher.own)
        #expect(connector.role == .connector && dispatcher.role == .dispatcher)
        for size in [0, 1, 252, 253, 32_768, 300_000] {
            let body = [UInt8](repeating: 3, count: size)
            let up = header(.response, of: connector, sequence: UInt64(size) + 1)
            #expect(try dispatcher.open(try connector.seal(up, body), header: up) == body[...])
            let down = header(.receipt, of: dispatcher, sequence: UInt64(size) + 1)
            #expect(try connector.open(try dispatcher.seal(down, body), header: down) == body[...])
        }
        let long = [UInt8](repeating: 0, count: 327_677)
        #expect(refusal { try connector.seal(header(.response, of: connector), long) } == .tooLarge)
    }

    @Test("refuses a message whichever byte of it was changed")
    func flips() throws {
        let (connector, dispatcher) = try SealingStage().session()
        let payload = try connector.seal(header(.response, of: connector), [1, 2, 3])
        #expect(payload.count == 128 + 32 + 320 + 16)
        func code(_ payload: [UInt8]) -> SealingError.Code? {
            refusal {
                guard let header = try? headerOf(payload) else { throw SealingError(.malformed, "header") }
                return try dispatcher.open(payload, header: header)
            }
        }
        for position in payload.indices {
            var changed = payload
            changed[position] ^= 1
            let code = code(changed)
            switch position {
            case 0..<8, 8..<24: #expect(code != nil, "\(position)")
            case 24..<44, 48..<80: #expect(code == .sessionMismatch, "\(position)")
            case 44..<160: #expect(code == .commitment, "\(position)")
            default: #expect(code == .decryption, "\(position)")
            }
        }
        for count in payload.indices { #expect(code(Array(payload.prefix(count))) == .malformed) }
        #expect(code(payload + [0]) == .malformed)
        #expect(code(payload) == nil)
    }

    @Test("gives an end nothing of what it said itself, nor of another session")
    func mismatch() throws {
        let stage = try SealingStage()
        let (connector, dispatcher) = try stage.session()
        let (again, _) = try stage.session()
        let head = header(.response, of: connector)
        let payload = try connector.seal(head, [7])
        #expect(refusal { try connector.open(payload, header: head) } == .sessionMismatch)
        // Another session of the same two processes has other keys.
        #expect(refusal { try dispatcher.open(try again.seal(head, [7]), header: head) } == .commitment)
        // The other member of the group knows the epoch and not the session.
        let other = stage.connectors[1]
        let (foreign, _) = try Session.begin(
            in: stage.epoch(of: other), boot: other.boot, with: stage.dispatcher.member.id, boot: stage.dispatcher.boot)
        let lie = header(.response, of: foreign)
        #expect(refusal { try dispatcher.open(try foreign.seal(lie, [7]), header: lie) } == .sessionMismatch)
        var unstamped = head
        unstamped.epoch = 8
        #expect(refusal { try connector.seal(unstamped, []) } == .sessionMismatch)
        unstamped = head
        unstamped.suite = .xWing
        #expect(refusal { try connector.seal(unstamped, []) } == .wrongSuite)
        unstamped = head
        unstamped.tenant = TenantID(high: 4, low: 4)
        #expect(refusal { try connector.seal(unstamped, []) } == .foreignTenant)
        for kind in MessageKind.allCases {
            let expected: SealingError.Code? =
                switch kind.sealing {
                case .session(.connector): nil
                case .session(.dispatcher): .senderRole
                case .group: .wrongKind
                }
            #expect(refusal { try connector.seal(header(kind, of: connector), []) } == expected)
        }
    }

    @Test("begins with a HELLO that counts for one dispatcher's process and epoch", arguments: SealingSuite.allCases)
    func hello(suite: SealingSuite) throws {
        let stage = try SealingStage(suite: suite)
        let connector = stage.connectors[0]
        let (session, hello) = try Session.begin(
            in: stage.epoch(of: connector), boot: connector.boot, with: stage.dispatcher.member.id,
            boot: stage.dispatcher.boot)
        let payload = try stage.seal(.hello, hello.encoded, from: connector)
        let epoch = try stage.epoch(of: stage.dispatcher)
        let head = try headerOf(payload)
        let body = try epoch.open(payload, header: head, verified: VerifiedBatches(), at: SealingStage.now)
        let read = try Envelope(header: head, body: body).decode(HelloMessage.self)
        #expect(read == hello)
        // The same one, twice, gives the same keys.
        let first = try Session.accept(read, header: head, in: epoch, boot: stage.dispatcher.boot)
        let second = try Session.accept(read, header: head, in: epoch, boot: stage.dispatcher.boot)
        let up = header(.ping, of: session)
        let ping = try session.seal(up, [])
        for end in [first, second] { #expect(try end.open(ping, header: up).isEmpty) }
        let down = header(.pong, of: first)
        #expect(try first.seal(down, [5]) == second.seal(down, [5]))
        func code(
            _ hello: HelloMessage, _ head: RelayHeader, _ epoch: Epoch, _ boot: BootID
        ) -> SealingError.Code? { refusal { try Session.accept(hello, header: head, in: epoch, boot: boot) } }
        let boot = stage.dispatcher.boot
        #expect(code(read, head, epoch, BootID(high: 1, low: 1)) == .sessionMismatch)
        #expect(code(read, head, try stage.epoch(of: connector), boot) == .senderRole)
        let next = try SealingStage(suite: suite, number: 8)
        #expect(code(read, head, try next.epoch(of: next.dispatcher), next.dispatcher.boot) == .sessionMismatch)
        var other = head
        other.kind = .beat
        #expect(code(read, other, epoch, boot) == .wrongKind)
        // Said by another boot, it gives other keys.
        other = head
        other.boot = BootID(high: 2, low: 2)
        let stray = try Session.accept(read, header: other, in: epoch, boot: boot)
        #expect(refusal { try stray.open(ping, header: up) } == .sessionMismatch)
        // A damaged encapsulated key: refused, or a session that opens nothing.
        let bytes = hello.encoded
        for position in stride(from: 64, to: bytes.count, by: suite == .x25519 ? 1 : 71) {
            var changed = bytes
            changed[position] ^= 1
            let damaged = try Envelope(header: head, body: changed[...]).decode(HelloMessage.self)
            let code = refusal {
                let end = try Session.accept(damaged, header: head, in: epoch, boot: boot)
                return try end.open(ping, header: up)
            }
            #expect(code == .commitment || code == .decryption)
        }
        let small = bytes.prefix(64) + [UInt8](repeating: 0, count: suite.encapsulatedKeySize)
        let zero = try Envelope(header: head, body: small).decode(HelloMessage.self)
        #expect(
            refusal {
                try Session.accept(zero, header: head, in: epoch, boot: boot).open(ping, header: up)
            } != nil)
        for count in 0..<bytes.count where count != 96 {
            #expect(throws: RelayFormatError.self) {
                try Envelope(header: head, body: bytes.prefix(count)).decode(HelloMessage.self)
            }
        }
    }

    @Test("is begun by a connector, with a dispatcher of its epoch")
    func roles() throws {
        let stage = try SealingStage()
        let boot = stage.dispatcher.boot
        #expect(
            refusal {
                try Session.begin(
                    in: stage.epoch(of: stage.dispatcher), boot: boot, with: stage.dispatcher.member.id, boot: boot)
            } == .senderRole)
        for stranger in [MemberID(high: 1, low: 1), stage.connectors[1].member.id] {
            #expect(
                refusal {
                    try Session.begin(
                        in: stage.epoch(of: stage.connectors[0]), boot: boot, with: stranger, boot: boot)
                } == .notAMember)
        }
    }

    @Test("a process opens its own seal, and no other process does")
    func ownSeal() throws {
        let own = OwnSeal(key: SymmetricKey(size: .bits256))
        let other = OwnSeal(key: SymmetricKey(size: .bits256))
        var head = try SealingStage().header(.beat, from: SealingStage().dispatcher)
        own.stamp(&head)
        #expect(head.suite == .x25519 && head.epoch == 0 && head.group == .none)
        let payload = try own.seal(head, [1, 2])
        #expect(try own.open(payload, header: head) == [1, 2])
        #expect(refusal { try other.open(payload, header: head) } == .commitment)
        for position in payload.indices {
            var changed = payload
            changed[position] ^= 1
            let read = (try? headerOf(changed)) ?? head
            #expect(refusal { try own.open(changed, header: read) } != nil)
        }
    }
}
