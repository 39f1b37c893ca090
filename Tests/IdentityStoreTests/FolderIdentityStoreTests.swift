import EnrollmentProtocol
import Foundation
import IdentityStore
import MachineIdentity
import Testing

@Suite final class FolderIdentityStoreTests {
    let folder = FileManager.default.temporaryDirectory.appending(path: "postern-state-\(UUID().uuidString)").path
    let store: FolderIdentityStore

    init() { store = FolderIdentityStore(path: folder) }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func mode(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: folder + name)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
    }

    private func record() -> StoredIdentity {
        let pin = Pin(publicKeyDER: [1])
        return StoredIdentity(
            connectorID: "one", tenant: TenantReference(id: "two", slug: "acme"), account: "gw", groups: [],
            trustDomain: "example.org", tenantURL: "https://localhost:1", serverTrust: .installation(rootPEM: "PEM"),
            serverIssuerPin: pin, authorityPin: pin, keyAuthority: KeyAuthorityReference(pin: pin, publicKey: "PEM"),
            generation: 1, notAfter: Date(timeIntervalSince1970: 2000), renewAt: Date(timeIntervalSince1970: 1000),
            registeredAt: Date(timeIntervalSince1970: 0), invitationDigest: "00")
    }

    /// A certificate for the store's key, by openssl.
    private func certificate() throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["openssl", "req", "-x509", "-key", folder + "/key.pem", "-subj", "/CN=x", "-out", folder + "/self.pem"]
        try process.run()
        process.waitUntilExit()
        return try CertificatePEM.decode(String(contentsOfFile: folder + "/self.pem", encoding: .utf8))[0]
    }

    @Test func filesAreForTheOwnerAloneWhateverTheUmaskSays() throws {
        try store.prepare()
        _ = try store.loadOrMakeKey()
        #expect(try mode("") == 0o700)
        #expect(try mode("/key.pem") == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["key.pem"])
    }

    @Test func theKeyIsMadeOnceAndTheIdentityIsReadBack() throws {
        try store.prepare()
        let key = try store.loadOrMakeKey()
        #expect(try store.loadOrMakeKey().fingerprint == key.fingerprint)
        #expect(try store.load() == nil)
        let certificate = try certificate()
        try store.save(record(), certificates: [certificate, certificate])
        let loaded = try #require(try store.load())
        #expect(loaded.record == record())
        #expect(loaded.key.fingerprint == key.fingerprint)
        #expect(loaded.certificates == [certificate, certificate])
        #expect(try mode("/identity.json") == 0o600 && mode("/certificate.pem") == 0o600)
        try store.erase()
        #expect(try store.load() == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["self.pem"])
        try store.erase()
    }

    @Test func aFolderOrFileThatOthersMayReadIsRefusedWithTheCommandThatMendsIt() throws {
        try store.prepare()
        _ = try store.loadOrMakeKey()
        for (name, bad, good) in [("", 0o750, "700"), ("/key.pem", 0o640, "600"), ("/key.pem", 0o604, "600")] {
            let before = try mode(name)
            try FileManager.default.setAttributes([.posixPermissions: bad], ofItemAtPath: folder + name)
            #expect {
                _ = try self.store.load()
                _ = try self.store.loadOrMakeKey()
            } throws: { error in
                guard let error = error as? IdentityStoreError else { return false }
                return error.code == .unsafeMode && error.remedy == "Mend it: chmod \(good) '\(self.folder)\(name)'"
            }
            try FileManager.default.setAttributes([.posixPermissions: before], ofItemAtPath: folder + name)
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func aForeignOwnerIsRefusedWithTheCommandThatMendsIt() throws {
        try store.prepare()
        try #require(chown(folder, 12345, 12345) == 0)
        #expect {
            _ = try self.store.load()
        } throws: { error in
            let error = error as? IdentityStoreError
            return error?.code == .foreignOwner && error?.remedy.contains("sudo -u '#12345'") == true
        }
    }

    @Test func linksAreNotFollowed() throws {
        try store.prepare()
        try FileManager.default.createSymbolicLink(atPath: folder + "/key.pem", withDestinationPath: "/etc/hostname")
        #expect {
            _ = try self.store.loadOrMakeKey()
        } throws: {
            ($0 as? IdentityStoreError)?.code == .notPlain
        }
    }

    @Test func aDamagedIdentityIsNamedAndCanBeErased() throws {
        try store.prepare()
        _ = try store.loadOrMakeKey()
        let certificate = try certificate()
        try store.save(record(), certificates: [certificate])
        for (name, content) in [("identity.json", "{}"), ("certificate.pem", "x"), ("key.pem", "x")] {
            let file = folder + "/" + name
            let before = try Data(contentsOf: URL(filePath: file))
            let handle = try #require(FileHandle(forWritingAtPath: file))
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: Data(content.utf8))
            try handle.close()
            #expect {
                _ = try self.store.load()
            } throws: {
                ($0 as? IdentityStoreError)?.code == .damaged
            }
            let restored = try #require(FileHandle(forWritingAtPath: file))
            try restored.truncate(atOffset: 0)
            try restored.write(contentsOf: before)
            try restored.close()
        }
        _ = try #require(try store.load())
        // Another key beside the certificate: the files do not belong together.
        let other = MachineKey()
        try Data(other.pem().reveal().utf8).write(to: URL(filePath: folder + "/key.pem"))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder + "/key.pem")
        #expect {
            _ = try self.store.load()
        } throws: {
            ($0 as? IdentityStoreError)?.code == .damaged
        }
        try store.erase()
        #expect(try store.load() == nil)
    }

    @Test func aMissingParentIsNamed() {
        let store = FolderIdentityStore(path: folder + "/deep/er/")
        #expect {
            try store.prepare()
        } throws: {
            ($0 as? IdentityStoreError)?.remedy.contains("mkdir -p '\(self.folder)/deep'") == true
        }
    }
}
