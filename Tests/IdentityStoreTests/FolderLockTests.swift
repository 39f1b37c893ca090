import Foundation
import IdentityStore
import Testing

@Suite("The lock of a state folder")
struct FolderLockTests {
    @Test("one at a time has it, and it is free again when its holder is gone")
    func exclusive() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "pl-\(UUID().uuidString)").path
        let folder = StateFolder(path: path)
        try folder.prepare()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var first = try folder.lock("run.lock")
        #expect(first != nil)
        #expect(try folder.lock("run.lock") == nil)
        #expect(try folder.lock("other.lock") != nil)
        first = nil
        let second = try folder.lock("run.lock")
        #expect(second != nil)
        let attributes = try FileManager.default.attributesOfItem(atPath: path + "/run.lock")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test("a link in its place is not followed")
    func link() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "pl-\(UUID().uuidString)").path
        let folder = StateFolder(path: path)
        try folder.prepare()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try FileManager.default.createSymbolicLink(atPath: path + "/run.lock", withDestinationPath: "/dev/null")
        #expect(throws: IdentityStoreError.self) { try folder.lock("run.lock") }
    }
}
