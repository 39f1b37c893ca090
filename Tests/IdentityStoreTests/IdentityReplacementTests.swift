import EnrollmentProtocol
import Foundation
import IdentityStore
import MachineIdentity
import Testing

/// A new identity in the place of an old one, killed at any moment.
@Suite final class IdentityReplacementTests {
    let folder = FileManager.default.temporaryDirectory.appending(path: "postern-replace-\(UUID().uuidString)").path
    let store: FolderIdentityStore
    let replacement: IdentityReplacement

    init() {
        store = FolderIdentityStore(path: folder)
        replacement = IdentityReplacement(of: store)
    }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Puts an identity into a store, whose certificate openssl makes.
    private func fill(_ store: FolderIdentityStore, id: String) throws {
        try store.prepare()
        _ = try store.loadOrMakeKey()
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-key", store.path + "/key.pem", "-subj", "/CN=x", "-out", folder + "/self.pem",
        ]
        try process.run()
        process.waitUntilExit()
        let pin = Pin(publicKeyDER: [1])
        let record = StoredIdentity(
            connectorID: id, tenant: TenantReference(id: "two", slug: "acme"), account: "gw", groups: [],
            trustDomain: "example.org", tenantURL: "https://localhost:1", serverTrust: .installation(rootPEM: "PEM"),
            serverIssuerPin: pin, authorityPin: pin, keyAuthority: KeyAuthorityReference(pin: pin, publicKey: "PEM"),
            generation: 1, notAfter: Date(timeIntervalSince1970: 2000), renewAt: Date(timeIntervalSince1970: 1000),
            registeredAt: Date(timeIntervalSince1970: 0), invitationDigest: "00")
        try store.save(
            record,
            certificates: try CertificatePEM.decode(String(contentsOfFile: folder + "/self.pem", encoding: .utf8)))
    }

    @Test func theNewOneTakesThePlaceAndTheOldOneIsKeptAside() throws {
        try fill(store, id: "old")
        try Data("j".utf8).write(to: URL(filePath: folder + "/journal.sqlite"))
        try Data("p".utf8).write(to: URL(filePath: folder + "/pause.json"))
        #expect(try !replacement.isReady)
        try replacement.promote()
        #expect(try store.load()?.record.connectorID == "old", "nothing is ready, and nothing happens")
        try fill(replacement.successor, id: "new")
        #expect(try replacement.isReady)
        try replacement.promote()
        #expect(try store.load()?.record.connectorID == "new")
        #expect(try replacement.predecessor.load()?.record.connectorID == "old")
        #expect(FileManager.default.fileExists(atPath: folder + "/previous/journal.sqlite"))
        #expect(!FileManager.default.fileExists(atPath: folder + "/journal.sqlite"))
        #expect(FileManager.default.fileExists(atPath: folder + "/pause.json"), "what is the machine's stays")
        #expect(!FileManager.default.fileExists(atPath: folder + "/replacement"))
        // One generation is kept.
        try fill(replacement.successor, id: "newer")
        try replacement.promote()
        #expect(try replacement.predecessor.load()?.record.connectorID == "new")
        try store.erase()
        #expect(!FileManager.default.fileExists(atPath: folder + "/previous"))
    }

    @Test func aKillBetweenAnyTwoMovesIsGoneOnFrom() throws {
        // What `promote` does, move by move, ended after each.
        let moves = [
            ("", "previous", "identity.json"), ("", "previous", "certificate.pem"), ("", "previous", "key.pem"),
            ("replacement", "", "key.pem"), ("replacement", "", "certificate.pem"),
            ("replacement", "", "identity.json"),
        ]
        for count in 0...moves.count {
            try? FileManager.default.removeItem(atPath: folder)
            try fill(store, id: "old")
            try fill(replacement.successor, id: "new")
            try replacement.predecessor.prepare()
            for (from, to, name) in moves.prefix(count) {
                let source = [folder, from, name].filter { !$0.isEmpty }.joined(separator: "/")
                let target = [folder, to, name].filter { !$0.isEmpty }.joined(separator: "/")
                try FileManager.default.moveItem(atPath: source, toPath: target)
            }
            try replacement.promote()
            #expect(try store.load()?.record.connectorID == "new", "after \(count) moves")
            #expect(try replacement.predecessor.load()?.record.connectorID == "old", "after \(count) moves")
        }
    }

    @Test func aDamagedIdentityIsKeptAsItIs() throws {
        try fill(store, id: "old")
        try FileManager.default.removeItem(atPath: folder + "/certificate.pem")
        try fill(replacement.successor, id: "new")
        try replacement.promote()
        #expect(try store.load()?.record.connectorID == "new")
        #expect(throws: IdentityStoreError.self) { try replacement.predecessor.load() }
    }
}
