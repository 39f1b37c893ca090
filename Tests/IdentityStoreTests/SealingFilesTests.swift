import EnrollmentProtocol
import Foundation
import MachineIdentity
import RelayFormat
import RelaySealing
import Testing

@testable import IdentityStore

@Suite struct SealingFilesTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "sealing-\(UUID().uuidString)").path
    private let now = Date(timeIntervalSince1970: 1_700_000_000)

    private func store(_ encryption: KeyEncryption = .none) throws -> FolderIdentityStore {
        let store = FolderIdentityStore(path: path, encryption: encryption)
        try store.prepare()
        return store
    }

    @Test func keysAreMadeOnceForEachIdentityAndSuite() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let keys = try store().hpkeKeys
        let first = try keys.prepare(for: "one", at: now)
        #expect(first.map(\.suite) == SealingSuite.allCases)
        #expect(try keys.prepare(for: "one", at: now + 1e6).map(\.publicKey) == first.map(\.publicKey))
        let second = try keys.prepare(for: "two", at: now + 60)
        #expect(Set(second.map(\.publicKey)).isDisjoint(with: first.map(\.publicKey)))
        for key in first + second {
            #expect(try keys.key(for: key.publicKey)?.rawRepresentation == key.rawRepresentation)
        }
        #expect(try keys.key(for: HPKEPrivateKey(suite: .x25519).publicKey) == nil)
        let mode = try FileManager.default.attributesOfItem(atPath: path + "/hpke.key")[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func whatIsOldIsErasedOnceNothingNeedsIt() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let keys = try store().hpkeKeys
        let first = try keys.prepare(for: "one", at: now)
        let second = try keys.prepare(for: "two", at: now + 60)
        let third = try keys.prepare(for: "three", at: now + 120)
        try keys.retire(before: [])
        try keys.retire(before: [try HPKEPrivateKey(suite: .x25519).publicKey])
        // One group is still in an epoch of the first keys.
        try keys.retire(before: [third[0].publicKey, first[0].publicKey])
        for key in first + second + third { #expect(try keys.key(for: key.publicKey) != nil) }
        try keys.retire(before: [third[0].publicKey, second[0].publicKey])
        for key in first { #expect(try keys.key(for: key.publicKey) == nil) }
        for key in second + third { #expect(try keys.key(for: key.publicKey) != nil) }
        let content = try String(contentsOfFile: path + "/hpke.key", encoding: .utf8)
        for key in first { #expect(!content.contains(Data(key.rawRepresentation).base64EncodedString())) }
        for key in third { #expect(content.contains(Data(key.rawRepresentation).base64EncodedString())) }
    }

    @Test func aClockThatWasTurnedBackErasesNothingNew() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let keys = try store().hpkeKeys
        let first = try keys.prepare(for: "one", at: now)
        let second = try keys.prepare(for: "two", at: now - 3600)
        try keys.retire(before: [first[0].publicKey])
        #expect(try keys.key(for: second[0].publicKey) != nil)
        try keys.retire(before: [second[0].publicKey])
        #expect(try keys.key(for: first[0].publicKey) == nil)
        #expect(try keys.key(for: second[0].publicKey) != nil)
    }

    @Test func underAKeyEncryptionKeyTheyAreSealed() throws {
        let credentials = FileManager.default.temporaryDirectory.appending(path: "kek-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: credentials, withIntermediateDirectories: true)
        defer {
            try? FileManager.default.removeItem(atPath: path)
            try? FileManager.default.removeItem(atPath: credentials)
        }
        try Data((0..<32).map { UInt8($0) }).write(to: URL(filePath: credentials + "/postern-kek"))
        let sealed = try store(KeyEncryption(credentialsDirectory: credentials))
        let key = try #require(try sealed.hpkeKeys.prepare(for: "one", at: now).first)
        let onDisk = try Data(contentsOf: URL(filePath: path + "/hpke.key"))
        #expect(onDisk.starts(with: Data("PSEAL".utf8)))
        #expect(onDisk.range(of: Data(Data(key.rawRepresentation).base64EncodedString().utf8)) == nil)
        #expect(try sealed.hpkeKeys.key(for: key.publicKey) != nil)
        #expect(throws: IdentityStoreError.self) { try store().hpkeKeys.key(for: key.publicKey) }
    }

    @Test func anEpochIsRememberedAndNoOlderOneTakesItsPlace() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let store = try store()
        #expect(try store.rememberedEpochs().isEmpty)
        let (tenant, one, two) = (TenantID.random(), GroupID.random(), GroupID.random())
        func mark(_ group: GroupID, _ number: UInt32, _ byte: UInt8) throws -> EpochMark {
            EpochMark(
                tenant: tenant, group: group, number: number,
                hash: try #require(CoreHash([UInt8](repeating: byte, count: 32))))
        }
        #expect(try store.remember(try mark(one, 7, 1)))
        #expect(try store.remember(try mark(two, 3, 2)))
        #expect(try store.remember(try mark(one, 7, 1)))
        // Older, or another one of the same number.
        #expect(try !store.remember(try mark(one, 6, 1)))
        #expect(try !store.remember(try mark(one, 7, 9)))
        #expect(try store.remember(try mark(one, 8, 3)))
        #expect(try Set(store.rememberedEpochs()) == [try mark(one, 8, 3), try mark(two, 3, 2)])
        // What cannot be read is not taken for nothing.
        try Data("[]x".utf8).write(to: URL(filePath: path + "/epochs.json"))
        chmod(path + "/epochs.json", 0o600)
        #expect(throws: IdentityStoreError.self) { try store.rememberedEpochs() }
        #expect(throws: IdentityStoreError.self) { try store.remember(try mark(one, 9, 3)) }
    }

    @Test func allOfItGoesWithTheIdentity() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let store = try store()
        _ = try store.hpkeKeys.prepare(for: "one", at: now)
        try store.remember(
            EpochMark(
                tenant: .random(), group: .random(), number: 1,
                hash: try #require(CoreHash([UInt8](repeating: 0, count: 32)))))
        try store.erase()
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
    }
}
