import Crypto
import EnrollmentProtocol
import Foundation
import GRDB
import HTTPTypes
import IdentityStore
import KeyAuthority
import Logging
import MachineIdentity
import RelayFormat
import RelaySealing
import Testing

@testable import EnrollmentService

@Suite struct EpochTests {
    private func members(_ manifest: EpochManifest) -> Set<String> {
        Set(manifest.core.members.map(\.id.description))
    }

    @Test func whoHasAnHPKEKeyJoinsTheNextEpochAndOpensIt() async throws {
        let stage = try await Stage()
        let (one, two) = (try await stage.register(of: stage.acme), try await stage.register(of: stage.acme))
        let group = try #require(try await stage.groups(of: one).first).id
        let path = APIPath.currentEpoch.replacing("{group}", with: group)
        await stage.cutEpochs()
        #expect(try await stage.call(.get, path, certificate: one.certificate).problem == .notFound)

        let key = try await stage.handInKeys(one, of: stage.acme)
        await stage.cutEpochs()
        let first = try await stage.epoch(of: one)
        #expect(members(first) == [one.id])
        #expect(first.core.suite == .x25519)
        #expect(first.core.previous == .none)
        let epoch = try Epoch(
            opening: first, as: try #require(MemberID(one.id)), with: key,
            keyAuthority: try stage.authorityKey(of: stage.acme))
        #expect(epoch.member.identityKey.rawRepresentation == one.key.publicKey.rawRepresentation)

        // Two that come within a second share the next one.
        try await stage.handInKeys(two, of: stage.acme)
        await stage.cutEpochs()
        #expect(try await stage.epoch(of: one) == first)
        let three = try await stage.register(of: stage.acme)
        try await stage.handInKeys(three, of: stage.acme)
        stage.advance(by: 1)
        await stage.cutEpochs()
        let second = try await stage.epoch(of: two)
        #expect(members(second) == [one.id, two.id, three.id])
        #expect(second.core.previous == first.core.hash)
        #expect(second.core.number == first.core.number + 1)
        try second.core.check(after: first.core.mark)
        // Nothing has changed.
        stage.advance(by: 60)
        await stage.cutEpochs()
        #expect(try await stage.epoch(of: two) == second)
    }

    @Test func whoIsShutOutIsOutOfTheNextEpochAtOnce() async throws {
        let stage = try await Stage()
        var machines: [Machine] = []
        for _ in 0..<3 {
            let machine = try await stage.register(of: stage.acme)
            try await stage.handInKeys(machine, of: stage.acme)
            machines.append(machine)
        }
        let authority = stage.keyAuthority()
        await authority.advance()
        let all = Set(machines.map(\.id))
        #expect(members(try await stage.epoch(of: machines[0])) == all)
        func next() async throws -> Set<String> {
            stage.advance(by: 1)
            await authority.advance()
            return members(try await stage.epoch(of: machines[0]))
        }
        #expect(try await stage.order("/v1/connectors/\(machines[1].id)/freeze", of: stage.acme).status == 204)
        #expect(try await next() == all.subtracting([machines[1].id]))
        #expect(try await stage.order("/v1/connectors/\(machines[1].id)/unfreeze", of: stage.acme).status == 204)
        #expect(try await next() == all)
        #expect(try await stage.order("/v1/connectors/\(machines[2].id)/revoke", of: stage.acme).status == 204)
        #expect(try await next() == all.subtracting([machines[2].id]))
        // Its key in the registry does not bring it back, nor can it hand in another.
        let answer = try await stage.call(
            .put, APIPath.hpkeKeys, certificate: machines[2].certificate,
            message: try stage.statement(HPKEPrivateKey(suite: .x25519), of: machines[2], tenant: stage.acme))
        #expect(answer.problem == .certificateRevoked)
        #expect(try await next() == all.subtracting([machines[2].id]))
    }

    @Test func aRenewalKeepsTheMemberAndBringsItsNewKeys() async throws {
        let stage = try await Stage()
        let first = try await stage.register(of: stage.acme)
        try await stage.handInKeys(first, of: stage.acme)
        let authority = stage.keyAuthority()
        await authority.advance()
        stage.advance(by: 3600)
        let second = try await stage.renew(first)
        // The new certificate is used, the new HPKE key not there yet: it must not drop out.
        #expect(try await stage.verdict(on: second) == nil)
        await authority.advance()
        var epoch = try await stage.epoch(of: second)
        #expect(epoch.core.members.first?.identityKey.rawRepresentation == first.key.publicKey.rawRepresentation)
        let heartbeat = try await stage.call(.post, APIPath.heartbeat, certificate: second.certificate, body: "{}")
        #expect(try heartbeat.message(HeartbeatAnswer.self).hpkeKeys == [])

        let key = try await stage.handInKeys(second, of: stage.acme)
        await authority.advance()
        epoch = try await stage.epoch(of: second)
        #expect(epoch.core.members.count == 1)
        #expect(epoch.core.members.first?.identityKey.rawRepresentation == second.key.publicKey.rawRepresentation)
        #expect(epoch.core.members.first?.hpkeKey == key.publicKey)

        // One that never hands in its new key is out when the grace is over.
        let third = try await stage.renew(second)
        #expect(try await stage.verdict(on: third) == nil)
        let other = try await stage.register(of: stage.acme)
        try await stage.handInKeys(other, of: stage.acme)
        stage.advance(by: 2)
        await authority.advance()
        #expect(members(try await stage.epoch(of: third)) == [first.id, other.id])
        stage.advance(by: 600)
        await authority.advance()
        #expect(members(try await stage.epoch(of: third)) == [other.id])
    }

    @Test func aCertificateThatHasEndedEndsTheMembership() async throws {
        let stage = try await Stage()
        let sleeper = try await stage.register(of: stage.acme)
        try await stage.handInKeys(sleeper, of: stage.acme)
        stage.advance(by: 3600)
        let machine = try await stage.register(of: stage.acme)
        try await stage.handInKeys(machine, of: stage.acme)
        let authority = stage.keyAuthority()
        await authority.advance()
        #expect(members(try await stage.epoch(of: machine)) == [sleeper.id, machine.id])
        stage.advance(by: 23 * 3600)
        await authority.advance()
        #expect(members(try await stage.epoch(of: machine)) == [machine.id])
    }

    @Test func epochsFollowOneAnotherEveryTwelveHoursAndOverARestart() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        try await stage.handInKeys(machine, of: stage.acme)
        await stage.cutEpochs()
        let first = try await stage.epoch(of: machine)
        #expect(first.core.notAfter - first.core.notBefore == .seconds(86400))
        let authority = stage.keyAuthority()
        stage.advance(by: 12 * 3600 - 1)
        await authority.advance()
        #expect(try await stage.epoch(of: machine) == first)
        stage.advance(by: 1)
        let restarted = try await Stage(restarting: stage)
        await restarted.cutEpochs()
        let second = try await stage.epoch(of: machine)
        #expect(second.core.previous == first.core.hash)
        #expect(second.core.number == first.core.number + 12 * 3600)
        // The one that was running sees it too, and cuts nothing more.
        await authority.advance()
        #expect(try await stage.epoch(of: machine) == second)
    }

    @Test func aRestoredBackupGivesNoNumberTwice() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        try await stage.handInKeys(machine, of: stage.acme)
        await stage.cutEpochs()
        let backup = stage.path + "/backup.sqlite"
        try await stage.installation.registry.database.writeWithoutTransaction {
            try $0.execute(sql: "VACUUM INTO ?", arguments: [backup])
        }
        var given: [UInt32: CoreHash] = [:]
        for _ in 0..<5 {
            stage.advance(by: 1)
            try await stage.handInKeys(machine, of: stage.acme)
            await stage.cutEpochs()
            let core = try await stage.epoch(of: machine).core
            given[core.number] = core.hash
        }
        #expect(given.count == 5)
        let newest = try await stage.epoch(of: machine).core
        try stage.installation.registry.close()
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: stage.path + "/registry.sqlite" + suffix)
        }
        try FileManager.default.copyItem(atPath: backup, toPath: stage.path + "/registry.sqlite")
        let restored = try await Stage(restarting: stage)
        // Members are other ones than in the last epoch that the backup knows, and the next second has begun.
        stage.advance(by: 2)
        try await restored.handInKeys(machine, of: stage.acme)
        await restored.cutEpochs()
        let next = try await restored.epoch(of: machine).core
        #expect(given[next.number] == nil)
        try next.check(after: newest.mark)
    }

    @Test func aDispatcherIsAMemberOfAllGroupsAndRenewsItsKeysDaily() async throws {
        let stage = try await Stage()
        try await stage.makeAccount("gw", of: stage.acme)
        let dispatcher = try await DispatcherMembership.open(
            stage.installation, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            now: { [stage] in stage.now })
        try await dispatcher.register()
        await stage.cutEpochs()
        let first = try #require(try await stage.keptEpoch(of: stage.acme))
        let member = try #require(first.core.members.first)
        #expect(member.id == dispatcher.id)
        #expect(member.role == .dispatcher)
        let key = try #require(try await dispatcher.hpkeKey(for: member.hpkeKey))
        _ = try Epoch(
            opening: first, as: dispatcher.id, with: key, keyAuthority: try stage.authorityKey(of: stage.acme))
        // The same process, or the next one, says the same again.
        stage.advance(by: 3600)
        try await dispatcher.register()
        let again = try await DispatcherMembership.open(
            stage.installation, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            now: { [stage] in stage.now })
        #expect(again.identity.fingerprint == dispatcher.identity.fingerprint)
        await stage.cutEpochs()
        #expect(try await stage.keptEpoch(of: stage.acme) == first)
        // A day later it has new keys; the old ones are erased when no present epoch needs them.
        stage.advance(by: 86400)
        try await again.register()
        await stage.cutEpochs()
        let second = try #require(try await stage.keptEpoch(of: stage.acme))
        let present = try #require(second.core.members.first).hpkeKey
        #expect(present != member.hpkeKey)
        #expect(try await again.hpkeKey(for: member.hpkeKey) != nil)
        try await again.retire(openedWith: [present])
        #expect(try await again.hpkeKey(for: member.hpkeKey) == nil)
        #expect(try await again.hpkeKey(for: present) != nil)
        let mode = try FileManager.default.attributesOfItem(atPath: stage.path + "/dispatcher-hpke.key")
        #expect(mode[.posixPermissions] as? Int == 0o600)
    }

    @Test func aRunningAuthorityAndItsFeedFollowTheRegistry() async throws {
        let stage = try await Stage()
        let one = try await stage.register(of: stage.acme)
        // The clock of this stage stands; the service's own one goes.
        let authority = KeyAuthorityService(
            installation: stage.installation, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let feed = EpochFeed(
            installation: stage.installation, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let (epochs, told) = AsyncStream.makeStream(of: EpochFeed.Published.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await authority.run() }
            group.addTask { await feed.run { told.yield($0) } }
            // Ends the waiting below, if nothing is ever told.
            group.addTask { if (try? await Task.sleep(for: .seconds(30))) != nil { told.finish() } }
            var stream = epochs.makeAsyncIterator()
            try await stage.handInKeys(one, of: stage.acme)
            let first = try #require(await stream.next())
            #expect(first.tenant == stage.acme.tenant.reference)
            #expect(members(try EpochManifest(decoding: first.manifest)) == [one.id])
            let two = try await stage.register(of: stage.acme)
            try await stage.handInKeys(two, of: stage.acme)
            let second = try #require(await stream.next())
            #expect(second.number > first.number)
            #expect(members(try EpochManifest(decoding: second.manifest)) == [one.id, two.id])
            #expect(try await feed.present().map(\.number) == [second.number])
            group.cancelAll()
        }
    }
}
