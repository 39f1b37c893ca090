import Crypto
import EnrollmentProtocol
import Foundation
import IdentityStore
import MachineIdentity
import Synchronization
import Testing

/// The files of keys that something else holds, which is a table in memory here.
@Suite("The files of keys in a token") final class HeldKeyFilesTests {
    final class Table: KeyHolder {
        struct Failure: HeldKeyFailure {
            var reason: String { "table-broken" }
            var message: String { "the table is broken" }
            var remedy: String { "Mend it." }
        }

        struct Key: HeldKey {
            let publicKey: P256.Signing.PublicKey
            let place: String
            var lastFailure: (any HeldKeyFailure)? { nil }
            func signature(for bytes: [UInt8]) async throws -> P256.Signing.ECDSASignature { throw Failure() }
        }

        struct State {
            var keys: [String: P256.Signing.PrivateKey] = [:]
            var names = 0
            var breaksAfterMaking = false
            var isBroken = false
        }

        let state = Mutex(State())

        var places: Set<String> { state.withLock { Set($0.keys.keys) } }

        func recognises(_ text: String) -> Bool { text.hasPrefix("table:") }

        func check(_ place: String) throws { try state.withLock { if $0.isBroken { throw Failure() } } }

        func newPlace(at place: String) throws -> String {
            state.withLock {
                $0.names += 1
                return "\(place.prefix { $0 != "#" })#\($0.names)"
            }
        }

        func makeKey(_ place: String) throws -> P256.Signing.PublicKey {
            try state.withLock { state in
                if state.isBroken { throw Failure() }
                let key = state.keys[place] ?? P256.Signing.PrivateKey()
                state.keys[place] = key
                if state.breaksAfterMaking { throw Failure() }
                return key.publicKey
            }
        }

        func key(_ place: String, publicKey: P256.Signing.PublicKey) throws -> any HeldKey {
            Key(publicKey: publicKey, place: place)
        }

        func destroyKey(_ place: String) throws {
            try state.withLock { state in
                if state.isBroken { throw Failure() }
                state.keys[place] = nil
            }
        }
    }

    let folder = FileManager.default.temporaryDirectory.appending(path: "postern-held-\(UUID().uuidString)").path
    let table = Table()
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func store(_ newKeys: NewKeys = .asBefore) -> FolderIdentityStore {
        FolderIdentityStore(path: folder, holder: table, newKeys: newKeys)
    }

    private func content(_ name: String) throws -> String {
        try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
    }

    @Test("have the place of the key and its public half, which openssl reads as well")
    func form() throws {
        try store().prepare()
        let key = try store(.at("table:a")).loadOrMakeKey()
        #expect(key.heldKey?.place == "table:a#1" && table.places == ["table:a#1"])
        let text = try content("key.pem")
        #expect(text == "table:a#1\n" + key.publicKey.pemRepresentation + "\n")
        #expect(try store().loadOrMakeKey().fingerprint == key.fingerprint)
        #expect(try store(.at("table:b")).loadOrMakeKey().fingerprint == key.fingerprint)
        #expect(try store().keyPlace == "table:a#1")
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl", "pkey", "-pubin", "-in", folder + "/key.pem", "-noout"]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test("name a key before it is made, so that a kill leaves none that nobody knows")
    func killedWhileMaking() throws {
        try store().prepare()
        table.state.withLock { $0.breaksAfterMaking = true }
        let error = #expect(throws: IdentityStoreError.self) { try self.store(.at("table:a")).loadOrMakeKey() }
        #expect(error?.code == .keyHolder && error?.reason == "table-broken")
        #expect(try content("key.pem") == "table:a#1\n" && table.places == ["table:a#1"])
        table.state.withLock { $0.breaksAfterMaking = false }
        // Another place, or none, is said the second time: what was made is destroyed.
        let key = try store(.at("table:b")).loadOrMakeKey()
        #expect(key.heldKey?.place == "table:b#2" && table.places == ["table:b#2"])
        #expect(try store().erase().isEmpty && table.places.isEmpty)

        table.state.withLock { $0.breaksAfterMaking = true }
        #expect(throws: IdentityStoreError.self) { try self.store(.at("table:a")).loadOrMakeKey() }
        table.state.withLock { $0.breaksAfterMaking = false }
        // Nothing new is said: it is found.
        #expect(try store().loadOrMakeKey().heldKey?.place == "table:a#3")
        #expect(table.places == ["table:a#3"])
        #expect(try store().erase().isEmpty)
        #expect(throws: Never.self) { try self.store(.inFolder).loadOrMakeKey() }
        #expect(table.places.isEmpty)
    }

    @Test("are made where the present one is, and a kill while one is made leaves none that nobody knows")
    func renewal() throws {
        try store().prepare()
        _ = try store(.at("table:a")).loadOrMakeKey()
        table.state.withLock { $0.breaksAfterMaking = true }
        #expect(throws: IdentityStoreError.self) { try self.store().beginRenewal() }
        table.state.withLock { $0.breaksAfterMaking = false }
        #expect(try store().pendingRenewal()?.key.fingerprint == nil)
        try store().tidyRenewal()
        let key = try store().beginRenewal()
        #expect(key.heldKey?.place == "table:a#2" && table.places == ["table:a#1", "table:a#2"])
        #expect(try store().pendingRenewal()?.key.fingerprint == key.fingerprint)
        #expect(try store().beginRenewal().fingerprint == key.fingerprint)
    }

    @Test("are sealed with a key-encryption key like others")
    func sealed() throws {
        let credentials = folder + "-credentials"
        try FileManager.default.createDirectory(atPath: credentials, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: credentials) }
        try Data(repeating: 7, count: 32).write(to: URL(filePath: credentials + "/postern-kek"))
        let sealing = FolderIdentityStore(
            path: folder, encryption: KeyEncryption(credentialsDirectory: credentials), holder: table,
            newKeys: .at("table:a"))
        try sealing.prepare()
        let key = try sealing.loadOrMakeKey()
        let content = try #require(FileManager.default.contents(atPath: folder + "/key.pem"))
        #expect(content.starts(with: Data("PSEAL".utf8)) && content.range(of: Data("table".utf8)) == nil)
        #expect(try sealing.loadOrMakeKey().fingerprint == key.fingerprint)
        let error = #expect(throws: IdentityStoreError.self) { try self.store().loadOrMakeKey() }
        #expect(error?.code == .sealed)
    }

    @Test("that cannot be destroyed are named when the identity is erased")
    func abandoned() throws {
        try store().prepare()
        _ = try store(.at("table:a")).loadOrMakeKey()
        table.state.withLock { $0.isBroken = true }
        #expect(throws: IdentityStoreError.self) { try self.store().checkKeyHolder() }
        let kept = try store().erase()
        #expect(kept.map(\.place) == ["table:a#1"] && kept.first?.reason == "the table is broken")
        #expect(!FileManager.default.fileExists(atPath: folder + "/key.pem"))
    }

    @Test("of an earlier attempt elsewhere, and of holders that are not there, are not taken for others")
    func elsewhere() throws {
        try store().prepare()
        _ = try store().loadOrMakeKey()
        let error = #expect(throws: IdentityStoreError.self) { try self.store(.at("table:a")).loadOrMakeKey() }
        #expect(error?.remedy.contains("unregister --local") == true && table.places.isEmpty)
        try store().erase()
        _ = try store(.at("table:a")).loadOrMakeKey()
        #expect(throws: IdentityStoreError.self) { try self.store(.inFolder).loadOrMakeKey() }
        let blind = #expect(throws: IdentityStoreError.self) {
            try FolderIdentityStore(path: self.folder).loadOrMakeKey()
        }
        #expect(blind?.code == .damaged)
        for text in ["table:a#1\nnonsense\n", "nonsense"] {
            try text.write(toFile: folder + "/key.pem", atomically: false, encoding: .utf8)
            #expect(throws: IdentityStoreError.self, "\(text)") { try self.store(.inFolder).loadOrMakeKey() }
        }
    }
}
