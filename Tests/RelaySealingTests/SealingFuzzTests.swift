import Crypto
import RelayFormat
import TestTools
import Testing

@testable import RelaySealing

/// What a broker may hand to a member: whatever is not the true message is refused, and nothing crashes.
@Suite("Changed epochs, keys and sealed messages, by the thousand")
struct SealingFuzzTests {
    @Test("EpochCore", arguments: SealingSuite.allCases)
    func core(suite: SealingSuite) throws {
        let valid = try [1, 3].map { try SealingStage(suite: suite, connectors: $0).core.encoded }
        Fuzzing.run("EpochCore, suite \(suite.rawValue)", valid: valid) { bytes in
            guard let core = try? EpochCore(decoding: bytes) else { return false }
            guard
                let made = try? EpochCore(
                    suite: core.suite, tenant: core.tenant, group: core.group, number: core.number,
                    previous: core.previous, notBefore: core.notBefore, notAfter: core.notAfter, members: core.members),
                made.encoded == bytes
            else {
                Issue.record("a core reads as something else: \(hexText(bytes))")
                return true
            }
            return true
        }
    }

    @Test("EpochManifest", arguments: SealingSuite.allCases)
    func manifest(suite: SealingSuite) throws {
        let stage = try SealingStage(suite: suite, connectors: 1)
        let other = try SealingStage(suite: suite, connectors: 2)
        let valid = stage.manifest.encoded
        Fuzzing.run("EpochManifest, suite \(suite.rawValue)", valid: [valid, other.manifest.encoded]) { bytes in
            guard let manifest = try? EpochManifest(decoding: bytes) else { return false }
            if manifest.encoded != bytes { Issue.record("a manifest reads as something else: \(hexText(bytes))") }
            let isTrue = (try? manifest.verify(by: stage.authority.publicKey)) != nil
            if isTrue != (bytes == valid) { Issue.record("a changed manifest is taken: \(hexText(bytes))") }
            return true
        }
    }

    @Test("messages sealed for the group")
    func groupMessages() throws {
        let stage = try SealingStage()
        let epoch = try stage.epoch(of: stage.connectors[0])
        let sender = try stage.epoch(of: stage.dispatcher)
        let batch = (1...5 as ClosedRange<UInt64>).map {
            (header: stage.header(.request, from: stage.dispatcher, sequence: $0), body: [UInt8($0)])
        }
        let valid =
            try sender.seal(batch, by: stage.dispatcher.identity, at: SealingStage.now)
            + [stage.seal(.beat, [1], from: stage.connectors[1])]
        let truth = Set(valid)
        let verified = VerifiedBatches()
        Fuzzing.run("GroupMessage", valid: valid) { bytes in
            guard let message = try? GroupMessage(decoding: bytes) else { return false }
            let isOpened = (try? epoch.open(message, verified: verified, at: SealingStage.now)) != nil
            if isOpened != truth.contains(bytes) { Issue.record("a changed message opens: \(hexText(bytes))") }
            return true
        }
    }

    @Test("frames of a session, and what a process says to itself")
    func sessionFrames() throws {
        let (connector, dispatcher) = try SealingStage().session()
        let own = OwnSeal(key: SymmetricKey(size: .bits256))
        var valid: [[UInt8]] = []
        for sequence in 1...4 as ClosedRange<UInt64> {
            var header = RelayHeader(
                kind: .response, tenant: .none, sender: .none, boot: .none, sequence: sequence,
                message: MessageID(high: 5, low: sequence), issuedAt: SealingStage.now)
            connector.stamp(&header)
            valid.append(try connector.seal(header, [UInt8(sequence)]))
        }
        let truth = Set(valid)
        Fuzzing.run("session frame", valid: valid) { bytes in
            guard let header = try? headerOf(bytes) else { return false }
            if (try? own.open(bytes, header: header)) != nil { Issue.record("opened by another key") }
            let isOpened = (try? dispatcher.open(bytes, header: header)) != nil
            if isOpened != truth.contains(bytes) { Issue.record("a changed frame opens: \(hexText(bytes))") }
            return true
        }
    }

    @Test("the body of HELLO", arguments: SealingSuite.allCases)
    func hello(suite: SealingSuite) throws {
        let stage = try SealingStage(suite: suite)
        let connector = stage.connectors[0]
        let epoch = try stage.epoch(of: stage.dispatcher)
        let (_, hello) = try Session.begin(
            in: stage.epoch(of: connector), boot: connector.boot, with: stage.dispatcher.member.id,
            boot: stage.dispatcher.boot)
        let header = stage.header(.hello, from: connector)
        Fuzzing.run("HELLO, suite \(suite.rawValue)", valid: [hello.encoded]) { bytes in
            guard let read = try? Envelope(header: header, body: bytes[...]).decode(HelloMessage.self) else {
                return false
            }
            if read.encoded != bytes { Issue.record("a HELLO reads as something else: \(hexText(bytes))") }
            // The agreement costs a hundred times what the reading does.
            guard bytes.reduce(0, &+) % 16 == 0 else { return true }
            _ = try? Session.accept(read, header: header, in: epoch, boot: stage.dispatcher.boot)
            return true
        }
    }

    @Test("statements about keys")
    func statements() throws {
        let identity = P256.Signing.PrivateKey()
        let root = P384.Signing.PrivateKey()
        let member = MemberID(high: 1, low: 2)
        let keys = try SealingSuite.allCases.map {
            try HPKEKeyStatement.make(
                HPKEPrivateKey(suite: $0).publicKey, tenant: SealingStage.tenant, member: member, signer: identity
            ).encoded
        }
        Fuzzing.run("HPKEKeyStatement", valid: keys) { bytes in
            guard let read = try? HPKEKeyStatement(decoding: bytes) else { return false }
            if read.encoded != bytes { Issue.record("a statement reads as something else: \(hexText(bytes))") }
            let isTrue =
                (try? read.verify(tenant: SealingStage.tenant, member: member, identityKey: identity.publicKey)) != nil
            if isTrue != keys.contains(bytes) { Issue.record("a changed statement is taken: \(hexText(bytes))") }
            return true
        }
        let succession = try KeyAuthoritySuccession(
            tenant: SealingStage.tenant, from: identity, to: P256.Signing.PrivateKey().publicKey, at: SealingStage.now
        ) { Array(try root.signature(for: $0).derRepresentation) }.encoded
        Fuzzing.run("KeyAuthoritySuccession", valid: [succession]) { bytes in
            guard let read = try? KeyAuthoritySuccession(decoding: bytes) else { return false }
            let isTrue =
                (try? read.verify(
                    tenant: SealingStage.tenant, pinned: identity.publicKey, root: .p384(root.publicKey))) != nil
            if isTrue != (bytes == succession) { Issue.record("a changed succession is taken: \(hexText(bytes))") }
            return true
        }
    }
}
