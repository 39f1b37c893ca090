internal import Foundation

/// A new identity in the place of one that a folder has: made beside it, and put into its place when it is whole.
///
/// The new one is made in the folder `replacement`. The old one is kept in the folder `previous`, one generation of it.
/// A kill between any two moves leaves a state from which `promote` goes on.
public struct IdentityReplacement: Sendable {
    private static let identityFile = "identity.json"
    private static let keyFile = "key.pem"
    private static let renewalKeyFile = "renewal-key.pem"
    /// All that belongs to an identity; what decides that there is one comes first, the key last.
    private static let files = [
        "renewal.json", identityFile, "certificate.pem", "journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm",
        "renewals.json", "hpke.key", "epochs.json", renewalKeyFile, keyFile,
    ]

    /// Where the new identity is made.
    public let successor: FolderIdentityStore
    /// Where the old one is kept afterwards.
    public let predecessor: FolderIdentityStore
    private let store: FolderIdentityStore

    /// A replacement in the folder of a store; nothing is touched yet.
    public init(of store: FolderIdentityStore) {
        self.store = store
        successor = FolderIdentityStore(
            path: store.path + "/replacement", encryption: store.folder.encryption, holder: store.holder,
            newKeys: Self.newKeys(of: store))
        predecessor = FolderIdentityStore(
            path: store.path + "/previous", encryption: store.folder.encryption, holder: store.holder)
    }

    private static func newKeys(of store: FolderIdentityStore) -> NewKeys {
        guard case .asBefore = store.newKeys, let place = try? store.keyPlace else { return store.newKeys }
        return .at(place)
    }

    /// Whether a new identity is whole, and not in its place yet.
    public var isReady: Bool {
        get throws(IdentityStoreError) {
            guard successor.folder.exists else { return false }
            return try successor.folder.read(Self.identityFile) != nil
        }
    }

    /// Keeps the old identity aside and puts the new one into its place, or goes on with that.
    public func promote() throws(IdentityStoreError) {
        guard try isReady else { return }
        try predecessor.folder.prepare()
        // Once the new key has moved, nothing of the old identity is left in the folder.
        if try successor.folder.read(Self.keyFile) != nil {
            try destroyOldest()
            for name in Self.files { try store.folder.move(name, to: predecessor.folder) }
            try successor.folder.move(Self.keyFile, to: store.folder)
        }
        try successor.folder.move("certificate.pem", to: store.folder)
        try successor.folder.move(Self.identityFile, to: store.folder)
        unlink(successor.path + "/key.lock")
        rmdir(successor.path)
    }

    /// Destroys the keys in a token that the generation before the old one has, whose place it takes.
    private func destroyOldest() throws(IdentityStoreError) {
        // Keys move last: as long as anything before them is there, those that are kept aside are older.
        let first = Self.files.prefix { $0 != Self.renewalKeyFile }
        guard first.contains(where: { access(store.path + "/" + $0, F_OK) == 0 }) else { return }
        for name in [Self.renewalKeyFile, Self.keyFile] {
            // One in a token that is gone must not keep a machine from its new identity.
            _ = predecessor.abandon(in: [name])
            try predecessor.folder.remove(name)
        }
    }

    /// Erases what is kept aside, and a new identity that was not finished; keys in a token are destroyed.
    ///
    /// - Returns: the keys that could not be destroyed.
    @discardableResult
    public func forget() throws(IdentityStoreError) -> [AbandonedKey] {
        var keys: [AbandonedKey] = []
        for kept in [successor, predecessor] where kept.folder.exists {
            try kept.folder.check()
            keys += kept.abandon(in: [Self.keyFile, Self.renewalKeyFile])
            for name in Self.files { try kept.folder.remove(name) }
            unlink(kept.path + "/key.lock")
            rmdir(kept.path)
        }
        return keys
    }
}
