import EnrollmentProtocol
import Foundation
import IdentityStore
import MachineIdentity
import Testing

@Suite("The files of a renewal") final class RenewalFilesTests {
    let folder = FileManager.default.temporaryDirectory.appending(path: "postern-state-\(UUID().uuidString)").path
    let store: FolderIdentityStore

    init() { store = FolderIdentityStore(path: folder) }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func record(_ generation: Int) -> StoredIdentity {
        let pin = Pin(publicKeyDER: [1])
        return StoredIdentity(
            connectorID: "one", tenant: TenantReference(id: "two", slug: "acme"), account: "gw", groups: [],
            trustDomain: "example.org", tenantURL: "https://localhost:1", serverTrust: .installation(rootPEM: "PEM"),
            serverIssuerPin: pin, authorityPin: pin, keyAuthority: KeyAuthorityReference(pin: pin, publicKey: "PEM"),
            generation: generation, notAfter: Date(timeIntervalSince1970: 2000),
            renewAt: Date(timeIntervalSince1970: 1000), registeredAt: Date(timeIntervalSince1970: 0),
            invitationDigest: "00")
    }

    private func certificate(_ key: IdentityKey) throws -> [UInt8] {
        let (keyFile, out) = (folder + "/test-key.pem", folder + "/test-self.pem")
        try pem(key).write(toFile: keyFile, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl", "req", "-x509", "-key", keyFile, "-subj", "/CN=x", "-out", out]
        try process.run()
        process.waitUntilExit()
        return try CertificatePEM.decode(String(contentsOfFile: out, encoding: .utf8))[0]
    }

    private func pem(_ key: IdentityKey) -> String { key.machineKey?.pem().reveal() ?? "" }

    private func register() throws -> IdentityKey {
        try store.prepare()
        let key = try store.loadOrMakeKey()
        try store.save(record(1), certificates: [try certificate(key)])
        return key
    }

    private func mode(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
    }

    @Test("what a killed process has left of a file that it was writing is removed by the next one")
    func leftovers() throws {
        _ = try register()
        let key = try store.beginRenewal()
        let left = ["renewal-key.pem.19344.new", "key.pem.new", "identity.json.7.new", "renewals.json.new"]
        let others = ["audit.sqlite.new", "key.pem.x.new", "mykey.pem.new"]
        for name in left + others {
            #expect(FileManager.default.createFile(atPath: folder + "/" + name, contents: Data("secret".utf8)))
        }
        try store.tidyRenewal()
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(Set(files).isDisjoint(with: left) && Set(files).isSuperset(of: others), "\(files)")
        #expect(try store.pendingRenewal()?.key.fingerprint == key.fingerprint)
    }

    @Test("a pending key is kept for the owner alone, and never replaced by another")
    func pendingKey() throws {
        let old = try register()
        #expect(try store.pendingRenewal().map(\.isConfirmed) == nil)
        let key = try store.beginRenewal()
        #expect(key.fingerprint != old.fingerprint)
        #expect(try store.beginRenewal().fingerprint == key.fingerprint)
        #expect(try mode("renewal-key.pem") == 0o600)
        let loaded = try #require(try store.load())
        #expect(loaded.key.fingerprint == old.fingerprint)
    }

    @Test("the new certificate counts from its confirmation on, whichever files a kill has left")
    func confirmation() throws {
        let old = try register()
        let key = try store.beginRenewal()
        let renewed = LoadedIdentity(record: record(2), key: key, certificates: [try certificate(key)])
        try store.keep(renewed)
        #expect(try mode("renewal.json") == 0o600)
        #expect(try store.load()?.key.fingerprint == old.fingerprint)
        #expect(try store.pendingRenewal()?.renewed?.record.generation == 2)
        try store.confirmRenewal()
        #expect(try store.load()?.key.fingerprint == key.fingerprint)
        #expect(try store.load()?.record.generation == 2)
        #expect(try store.pendingRenewal()?.isConfirmed == true)
        // As a kill leaves it after the first of the three files.
        try pem(key).write(toFile: folder + "/key.pem", atomically: true, encoding: .utf8)
        chmod(folder + "/key.pem", 0o600)
        #expect(try store.load()?.record.generation == 2)
        #expect(try store.promoteRenewal().record.generation == 2)
        #expect(try store.pendingRenewal().map(\.isConfirmed) == nil)
        #expect(try store.load()?.key.fingerprint == key.fingerprint)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix("test-") }
        #expect(Set(names) == ["key.pem", "certificate.pem", "identity.json"])
        #expect(try String(contentsOfFile: folder + "/key.pem", encoding: .utf8) == pem(key))
    }

    @Test("what a kill left of a renewal that is over does not stand in the way of the next")
    func leftover() throws {
        let old = try register()
        try pem(old).write(toFile: folder + "/renewal-key.pem", atomically: true, encoding: .utf8)
        chmod(folder + "/renewal-key.pem", 0o600)
        #expect(try store.pendingRenewal().map(\.isConfirmed) == nil)
        #expect(try store.beginRenewal().fingerprint != old.fingerprint)
    }

    @Test("an answer that is discarded leaves the key")
    func discarded() throws {
        _ = try register()
        let key = try store.beginRenewal()
        try store.keep(LoadedIdentity(record: record(2), key: key, certificates: [try certificate(key)]))
        try store.discardRenewal()
        let pending = try #require(try store.pendingRenewal())
        #expect(pending.key.fingerprint == key.fingerprint && pending.renewed == nil)
    }

    @Test("the history is bounded, counts failures of one kind together, and goes with the identity")
    func history() throws {
        let key = try register()
        let identity = LoadedIdentity(record: record(1), key: key, certificates: [try certificate(key)])
        for second in 0..<3 {
            try store.note(
                .init(
                    at: Date(timeIntervalSince1970: Double(second)), outcome: .failed, identity: identity,
                    reason: "nobody answers"))
        }
        let entry = try #require(try store.renewalHistory().entries.first)
        #expect(try store.renewalHistory().entries.count == 1)
        #expect(entry.attempts == 3 && entry.since == Date(timeIntervalSince1970: 0))
        var long = RenewalHistory()
        for second in 0..<300 {
            long.add(.init(at: Date(timeIntervalSince1970: Double(second)), outcome: .renewed, identity: identity))
        }
        #expect(long.entries.count == RenewalHistory.capacity)
        #expect(long.entries.last?.at == Date(timeIntervalSince1970: 299))
        try store.erase()
        #expect(try store.renewalHistory().entries.isEmpty)
    }
}
