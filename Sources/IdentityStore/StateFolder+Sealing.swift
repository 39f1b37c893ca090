internal import Foundation

extension StateFolder {
    /// Seals the private keys that lie in the folder in plain, where there is a key-encryption key; each atomically.
    ///
    /// A kill at any moment leaves each file plain or sealed, and the next call goes on.
    public func sealKeys() throws(IdentityStoreError) {
        guard try encryption.isPresent() else { return }
        for name in ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
        where KeyEncryption.protects(name) {
            guard let stored = try readStored(name), !KeyEncryption.isSealed(stored) else { continue }
            try write(stored, to: name)
        }
    }
}
