import Foundation
import IdentityStore
import MachineIdentity
import Testing

@Suite("Keys at rest")
final class KeyEncryptionTests {
    private let root = FileManager.default.temporaryDirectory.appending(path: "postern-kek-\(UUID().uuidString)").path
    private var folder: String { root + "/state" }
    private var credentials: String { root + "/credentials" }

    init() throws {
        try FileManager.default.createDirectory(atPath: root + "/credentials", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            atPath: root + "/state", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    private func setKey(_ byte: UInt8, count: Int = 32) throws {
        try Data(repeating: byte, count: count).write(to: URL(filePath: credentials + "/postern-kek"))
    }

    private var encryption: KeyEncryption { KeyEncryption(credentialsDirectory: credentials) }
    private var sealing: StateFolder { StateFolder(path: folder, encryption: encryption) }
    private var plain: StateFolder { StateFolder(path: folder) }

    private func stored(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: folder + "/" + name)) }

    private func expect(
        _ code: IdentityStoreError.Code, saying words: String, _ location: SourceLocation = #_sourceLocation,
        _ body: () throws -> Void
    ) {
        do {
            try body()
            Issue.record("no error was thrown", sourceLocation: location)
        } catch let error as IdentityStoreError {
            #expect(error.code == code && error.message.contains(words), "\(error)", sourceLocation: location)
            #expect(!error.remedy.isEmpty, sourceLocation: location)
        } catch {
            Issue.record(error, sourceLocation: location)
        }
    }

    @Test(
        "private keys and the pepper are sealed, everything else stays as it is",
        arguments: [
            ("key.pem", true), ("renewal-key.pem", true), ("tls.key", true), ("key-authority-1.key", true),
            ("pepper", true),
            ("certificate.pem", false), ("identity.json", false), ("ca.pem", false),
        ])
    func what(name: String, isSealed: Bool) throws {
        try setKey(7)
        let secret = Array("-----BEGIN PRIVATE KEY-----".utf8)
        try sealing.write(secret, to: name)
        #expect((try stored(name).range(of: Data(secret)) == nil) == isSealed)
        #expect(try sealing.read(name) == secret)
        #expect(try sealing.writeOnce(secret, to: name) == false)
        // Twice the same content is twice another file: each has a nonce of its own.
        let first = try stored(name)
        try sealing.write(secret, to: name)
        #expect((try stored(name) != first) == isSealed)
    }

    @Test("plain keys are sealed when the key-encryption key appears, and only once")
    func migration() throws {
        for name in ["key.pem", "token.key", "pepper", "identity.json"] { try plain.write(Array(name.utf8), to: name) }
        try sealing.sealKeys()
        #expect(try stored("key.pem") == Data("key.pem".utf8))
        try setKey(7)
        #expect(try sealing.read("key.pem") == Array("key.pem".utf8))
        try sealing.sealKeys()
        for name in ["key.pem", "token.key", "pepper"] {
            #expect(try stored(name).starts(with: Data("PSEAL".utf8)))
            #expect(try sealing.read(name) == Array(name.utf8))
            let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        }
        #expect(try stored("identity.json") == Data("identity.json".utf8))
        let sealed = try stored("key.pem")
        try sealing.sealKeys()
        #expect(try stored("key.pem") == sealed)
    }

    @Test("without the key, with another one, or with a broken one, the error says what to do")
    func missing() throws {
        try setKey(7)
        try sealing.write(Array("secret".utf8), to: "key.pem")
        expect(.sealed, saying: "is not there") { _ = try plain.read("key.pem") }
        try setKey(8)
        expect(.sealed, saying: "another key-encryption key") { _ = try sealing.read("key.pem") }
        try setKey(7, count: 31)
        expect(.sealed, saying: "31 bytes instead of 32") { _ = try sealing.read("key.pem") }
        expect(.sealed, saying: "31 bytes") { try sealing.write([1], to: "tls.key") }
        try FileManager.default.removeItem(atPath: credentials + "/postern-kek")
        expect(.sealed, saying: "is not there") { _ = try sealing.read("key.pem") }
        try setKey(7)
        #expect(try sealing.read("key.pem") == Array("secret".utf8))
    }

    @Test("a flipped bit, a missing end, and the seal of another file are found")
    func tampering() throws {
        try setKey(7)
        try sealing.write(Array("secret".utf8), to: "key.pem")
        let good = try stored("key.pem")
        for index in good.indices.dropFirst(5) {
            var bad = good
            bad[index] ^= 1
            try bad.write(to: URL(filePath: folder + "/key.pem"))
            let read = try? sealing.read("key.pem")
            // Another version byte makes it another format, which no key file has: it is then no PEM.
            #expect(read == nil || read == Array(bad), "byte \(index)")
            #expect(read != Array("secret".utf8), "byte \(index)")
        }
        for length in [14, 20, good.count - 1] {
            try good.prefix(length).write(to: URL(filePath: folder + "/key.pem"))
            expect(.damaged, saying: "cut off") { _ = try sealing.read("key.pem") }
        }
        try good.write(to: URL(filePath: folder + "/renewal-key.pem"))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder + "/renewal-key.pem")
        expect(.damaged, saying: "another file's content") { _ = try sealing.read("renewal-key.pem") }
    }

    @Test("a store makes, keeps and finds its key under the seal")
    func store() throws {
        try setKey(7)
        let store = FolderIdentityStore(path: folder, encryption: encryption)
        try store.prepare()
        let key = try store.loadOrMakeKey()
        #expect(try store.loadOrMakeKey().fingerprint == key.fingerprint)
        #expect(try stored("key.pem").range(of: Data("PRIVATE".utf8)) == nil)
        expect(.sealed, saying: "key.pem is sealed") { _ = try FolderIdentityStore(path: folder).loadOrMakeKey() }
    }
}
