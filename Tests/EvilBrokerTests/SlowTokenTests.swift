import BrokerCore
import Connector
import Crypto
import Dispatcher
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Synchronization
import Testing

@Suite("An identity key on a token that takes 700 ms to sign", .timeLimit(.minutes(1)))
struct SlowTokenTests {
    /// Makes one signature at a time.
    private final class SlowToken: MemberSigning {
        private let key = P256.Signing.PrivateKey()
        private let made = Atomic(0)
        private let busy = Mutex<Task<Void, Never>?>(nil)

        var publicKey: P256.Signing.PublicKey { key.publicKey }
        var count: Int { made.load(ordering: .relaxed) }

        func signature(over bytes: [UInt8]) async throws -> [UInt8] {
            // Owned by the caller, who waits for it.
            let turn = busy.withLock { busy in
                let before = busy
                let turn = Task {
                    await before?.value
                    try? await Task.sleep(for: .milliseconds(700))
                }
                busy = turn
                return turn
            }
            await turn.value
            made.add(1, ordering: .relaxed)
            return Array(try key.signature(for: bytes).rawRepresentation)
        }
    }

    @Test("holds up no answer, and its beats do not pile up")
    func beats() async throws {
        try await EvilSite.run(EvilCase(broker: .memory, suite: .x25519)) { site in
            let tenant = site.tenant("acme")
            let token = SlowToken()
            let keys = MemberKeys(identity: token, hpke: try HPKEPrivateKey(suite: .x25519))
            let member = MemberID.random()
            try tenant.authority.join(member, keys, [tenant.group])
            let connector = try tenant.connector("token", member: member, keys: keys)
            connector.start()
            #expect(await tenant.call("/first", class: .once).text == "/first")
            // It wants to beat four times a second, and the token makes three signatures in two.
            let (begun, before) = (ContinuousClock.now, token.count)
            var slowest = Duration.zero
            while ContinuousClock.now - begun < .seconds(5) {
                let asked = ContinuousClock.now
                #expect(await tenant.call("/again", class: .once).text == "/again")
                slowest = max(slowest, ContinuousClock.now - asked)
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(slowest < .milliseconds(500), "\(slowest)")
            #expect(token.count > before)
            // What waits for a signature is said once, as it is by then.
            let beats = site.broker.stored(.beat).filter { $0.header?.boot == connector.identity.boot }
            #expect(beats.count <= token.count)
            #expect(connector.refusals.total == 0 && tenant.refusals.total == 0)
        }
    }
}
