import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import IdentityStore
import Logging
import RelayFormat
import RelaySealing
import Synchronization
import Testing

@testable import EnrollmentService

/// Dispatchers side by side: the register, their keys in the epochs, their slots.
@Suite struct InstanceTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func eachIsAMemberOfAllGroupsWithKeysOfItsOwnUntilItIsRemoved() async throws {
        let stage = try await Stage()
        try await stage.makeAccount("gw", of: stage.acme)
        let register = InstanceRegister(stage.installation)
        var members: [MemberID] = []
        for name in ["default", "b"] {
            let instance = try await register.enter(name, at: stage.now)
            let membership = try await DispatcherMembership.open(
                stage.installation, instance: instance, logger: logger, now: { [stage] in stage.now })
            #expect(membership.id == instance.id)
            try await membership.register()
            members.append(instance.id)
        }
        #expect(members[0].description == stage.installation.settings.dispatcherID)
        await stage.cutEpochs()
        let epoch = try #require(try await stage.keptEpoch(of: stage.acme))
        #expect(Set(epoch.core.members.map(\.id)) == Set(members))
        #expect(epoch.core.members.allSatisfy { $0.role == .dispatcher })
        #expect(Set(epoch.core.members.map(\.identityKey.rawRepresentation)).count == 2)
        for file in ["dispatcher-b.key", "dispatcher-hpke-b.key"] {
            let mode = try FileManager.default.attributesOfItem(atPath: stage.path + "/" + file)
            #expect(mode[.posixPermissions] as? Int == 0o600)
        }
        let moved = try await stage.installation.authorityToMove(of: stage.acme.tenant)
        #expect(Set(moved.dispatcherKeys.keys) == Set(members.map(\.description)))

        let b = try await register.enter("b", at: stage.now)
        let stale = try await DispatcherMembership.open(
            stage.installation, instance: b, logger: logger, now: { [stage] in stage.now })
        _ = try await register.remove("b", at: stage.now)
        stage.advance(by: 10)
        await stage.cutEpochs()
        let next = try #require(try await stage.keptEpoch(of: stage.acme))
        #expect(next.core.members.map(\.id) == [members[0]])
        #expect(!FileManager.default.fileExists(atPath: stage.path + "/dispatcher-b.key"))
        #expect(!FileManager.default.fileExists(atPath: stage.path + "/dispatcher-hpke-b.key"))
        // A process that has not noticed does not come back in, and its name is given to no other.
        await #expect(throws: (any Error).self) { try await stale.register() }
        await #expect(throws: EnrollmentServiceError.self) { try await register.enter("b", at: stage.now) }
        let isThere = try await register.note(b.id, boot: .random(), address: nil, version: "1", at: stage.now)
        #expect(!isThere)
        #expect(try await register.all().map(\.name) == ["default", "b"])
    }

    @Test func theFirstOneIsThereBeforeAllOthersWhenItHasALedger() async throws {
        let stage = try await Stage()
        let register = InstanceRegister(stage.installation)
        #expect(try await register.enter("b", at: stage.now).addedAt == stage.now)
        #expect(try await register.all().map(\.name) == ["b"])
        // Never used before: it comes like any other.
        stage.advance(by: 60)
        #expect(try await register.enter("default", at: stage.now).addedAt == stage.now)

        let older = try await Stage()
        #expect(FileManager.default.createFile(atPath: older.path + "/ledger.sqlite", contents: nil))
        let known = InstanceRegister(older.installation)
        _ = try await known.enter("b", at: older.now)
        let all = try await known.all()
        #expect(all.map(\.name) == ["default", "b"])
        #expect(all[0].addedAt.timeIntervalSince1970 == 0)
        #expect(all[0].id.high >> 32 != all[1].id.high >> 32)
    }

    @Test(arguments: ["", "B", "a/b", "../x", "hpke", "hpke-b", "-", String(repeating: "a", count: 64)])
    func namesThatWouldBeFilesOfOthersAreRefused(name: String) async throws {
        let stage = try await Stage()
        let register = InstanceRegister(stage.installation)
        await #expect(throws: EnrollmentServiceError.self) { try await register.enter(name, at: stage.now) }
        #expect(throws: EnrollmentServiceError.self) { try register.lock(name) }
    }

    @Test func aSlotIsOneProcessesUntilItsLeaseEnds() async throws {
        let stage = try await Stage()
        let register = InstanceRegister(stage.installation)
        var instances: [DispatcherInstance] = []
        for name in ["a", "b", "c"] { instances.append(try await register.enter(name, at: stage.now)) }
        let boot: @Sendable (Int32) -> BootID = { BootID(high: .random(in: .min ... .max), low: UInt64($0)) }
        let first = try await register.lease(of: 2, for: instances[0], at: stage.now, boot: boot)
        let second = try await register.lease(of: 2, for: instances[1], at: stage.now, boot: boot)
        #expect(first.slot == 0 && second.slot == 1 && second.boot.low == 1)
        // The next process of an instance has the slot of the one before, at once.
        let again = try await register.lease(of: 2, for: instances[0], at: stage.now, boot: boot)
        #expect(again.slot == 0 && again.boot != first.boot)
        do {
            _ = try await register.lease(of: 2, for: instances[2], at: stage.now, boot: boot)
            Issue.record("there is no third slot")
        } catch {
            #expect(error.code == .invalidArgument)
            #expect(error.message.contains("inbox_partitions"))
        }
        // Renewed in time it stays; the other one, which was killed, is taken over when it ends.
        stage.advance(by: 60)
        #expect(try await register.renew(second, of: instances[1].id, at: stage.now))
        stage.advance(by: 60)
        let third = try await register.lease(of: 2, for: instances[2], at: stage.now, boot: boot)
        #expect(third.slot == 0)
        #expect(try await !register.renew(again, of: instances[0].id, at: stage.now))
        #expect(try await register.renew(second, of: instances[1].id, at: stage.now))
        // One that has ended in order leaves its slot at once.
        try await register.noteEnd(of: instances[2].id, lease: third, version: "1", at: stage.now)
        #expect(try await register.renew(again, of: instances[0].id, at: stage.now))
        let shown = try await register.all()
        #expect(shown.sorted { $0.name < $1.name }.map(\.slot) == [0, 1, nil])
    }

    @Test func manyThatStartAtOnceHaveASlotEach() async throws {
        let stage = try await Stage()
        let register = InstanceRegister(stage.installation)
        let slots = try await withThrowingTaskGroup(of: Int32.self) { group in
            for number in 0..<16 {
                group.addTask {
                    let instance = try await register.enter("i\(number)", at: stage.now)
                    return try await register.lease(of: 16, for: instance, at: stage.now) {
                        BootID(high: 1, low: UInt64($0))
                    }.slot
                }
            }
            return try await group.reduce(into: Set<Int32>()) { $0.insert($1) }
        }
        #expect(slots == Set(0..<16))
        #expect(Set(try await register.all().map { $0.id.high >> 32 }).count == 16)
    }

    @Test func whoRunsIsSeenByItsLastSign() async throws {
        let stage = try await Stage()
        let register = InstanceRegister(stage.installation)
        let instance = try await register.enter("a", at: stage.now)
        #expect(!instance.isRunning(at: stage.now))
        let boot = BootID.random()
        #expect(
            try await register.note(instance.id, boot: boot, address: "https://a:1", version: "1", at: stage.now))
        // A sign without an address leaves the one that is known.
        #expect(try await register.note(instance.id, boot: boot, address: nil, version: "1", at: stage.now))
        let seen = try #require(try await register.all().first)
        #expect(seen.address == "https://a:1" && seen.boot == boot && seen.isRunning(at: stage.now))
        #expect(!seen.isRunning(at: stage.now.addingTimeInterval(91)))
        #expect(try await register.retire("a", at: stage.now).retiredAt == stage.now)
        try await register.noteEnd(of: instance.id, lease: nil, version: "1", at: stage.now)
        #expect(try await register.all().first?.isRunning(at: stage.now) == false)
    }

    @Test func aDispatcherHearsOfEveryStandingThatAnotherProcessHasChanged() async throws {
        let stage = try await Stage()
        let early = try await stage.register(of: stage.acme)
        _ = try await stage.order("/v1/connectors/\(early.id)/freeze", of: stage.acme, body: #"{"reason":"odd"}"#)
        let machine = try await stage.register(of: stage.acme)
        let feed = StandingFeed(installation: try await Stage(restarting: stage).installation, logger: logger)
        let (standings, told) = AsyncStream.makeStream(of: String.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await feed.run { tenant, id, state in told.yield("\(tenant.slug) \(id) \(state)") } }
            // Ends the waiting below, if nothing is ever told.
            group.addTask { if (try? await Task.sleep(for: .seconds(30))) != nil { told.finish() } }
            var stream = standings.makeAsyncIterator()
            #expect(await stream.next() == "acme \(early.id) frozen")
            let path = "/v1/connectors/\(machine.id)"
            _ = try await stage.order(path + "/freeze", of: stage.acme, body: #"{"reason":"odd"}"#)
            #expect(await stream.next() == "acme \(machine.id) frozen")
            _ = try await stage.order(path + "/unfreeze", of: stage.acme)
            #expect(await stream.next() == "acme \(machine.id) active")
            let revoked = try await stage.call(
                .post, path + "/revoke", bearer: stage.acme.administrator, body: #"{"reason":"stolen"}"#)
            #expect(revoked.status == 204)
            #expect(await stream.next() == "acme \(machine.id) revoked")
            group.cancelAll()
        }
    }
}
