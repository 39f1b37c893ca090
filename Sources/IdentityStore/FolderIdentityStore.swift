internal import EnrollmentProtocol
internal import Foundation
public import MachineIdentity

/// Keeps a machine's identity in the state folder (0700): `key.pem`, `certificate.pem` and `identity.json`, each 0600.
///
/// A key that a token holds has only its place and its public half in `key.pem`.
///
/// The key is there before the tenant hears of it; `identity.json` is written last, and only with it is the machine
/// registered. A kill at any moment leaves either an unregistered machine with a key, which registers again under the
/// same key, or a registered one. Calls block for the length of a flush; they belong to the start of a command.
public struct FolderIdentityStore: Sendable {
    static let keyFile = "key.pem"
    static let certificateFile = "certificate.pem"
    static let identityFile = "identity.json"

    /// Where the identity is.
    public var path: String { folder.path }
    let folder: StateFolder
    let holder: (any KeyHolder)?
    let newKeys: NewKeys

    /// Names the state folder; nothing is touched yet.
    ///
    /// - Parameters:
    ///   - encryption: under what the private key is sealed on its way to the disk.
    ///   - holder: what holds keys that are not in the folder; nil if there is nothing of that kind.
    ///   - newKeys: where the first key is made.
    public init(
        path: String, encryption: KeyEncryption = .none, holder: (any KeyHolder)? = nil, newKeys: NewKeys = .asBefore
    ) {
        self.holder = holder
        self.newKeys = newKeys
        folder = StateFolder(
            path: path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path, encryption: encryption)
    }

    /// Makes the folder if needed, and checks that only this user can enter it and that it can be written.
    public func prepare() throws(IdentityStoreError) {
        try folder.prepare()
        try folder.write([], to: "probe")
        try folder.remove("probe")
    }

    /// The identity; nil if the machine is not registered.
    public func load() throws(IdentityStoreError) -> LoadedIdentity? {
        guard folder.exists else { return nil }
        try folder.check()
        try folder.sealKeys()
        // While another process puts a renewed identity into its place, its files do not fit for a moment.
        for _ in 0..<3 {
            do { return try loadOnce() } catch  where error.code == .damaged { usleep(20_000) }
        }
        return try loadOnce()
    }

    private func loadOnce() throws(IdentityStoreError) -> LoadedIdentity? {
        if let renewed = try confirmedIdentity() { return renewed }
        guard let record = try storedRecord() else { return nil }
        guard let key = try readKey(Self.keyFile) else { throw damaged("\(Self.keyFile) is missing") }
        guard let bytes = try folder.read(Self.certificateFile),
            let certificates = try? CertificatePEM.decode(String(decoding: bytes, as: UTF8.self))
        else { throw damaged("\(Self.certificateFile) is missing or cannot be understood") }
        guard (try? KeyFingerprint(ofKeyInCertificate: certificates[0])) == key.fingerprint else {
            throw damaged("\(Self.certificateFile) does not belong to \(Self.keyFile)")
        }
        return LoadedIdentity(record: record, key: key, certificates: certificates)
    }

    /// What the machine knows about itself, without its key; nil if the machine is not registered.
    public func loadRecord() throws(IdentityStoreError) -> StoredIdentity? {
        guard folder.exists else { return nil }
        try folder.check()
        return try storedRecord()
    }

    func storedRecord() throws(IdentityStoreError) -> StoredIdentity? {
        guard let text = try folder.read(Self.identityFile) else { return nil }
        guard let record = try? EnrollmentJSON.decode(StoredIdentity.self, from: Data(text)) else {
            throw damaged("\(Self.identityFile) cannot be understood")
        }
        return record
    }

    /// Saves a certificate and what the machine knows; from here on it is registered.
    public func save(_ record: StoredIdentity, certificates: [[UInt8]]) throws(IdentityStoreError) {
        try folder.write(CertificatePEM.encode(certificates).utf8, to: Self.certificateFile)
        try folder.write(text(of: record), to: Self.identityFile)
    }

    /// What a running connector keeps beside its identity; of no use, and nobody's business, without it.
    private static let companions = [
        "journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", historyFile, renewalFile, renewalKeyFile,
        hpkeFile, epochsFile,
    ]

    /// Removes the identity from the disk with what was kept under it, the key last; keys in a token are destroyed.
    ///
    /// - Returns: the keys that could not be destroyed, which the token keeps.
    @discardableResult
    public func erase() throws(IdentityStoreError) -> [AbandonedKey] {
        guard folder.exists else { return [] }
        try folder.check()
        let keys = abandon(in: [Self.keyFile, Self.renewalKeyFile])
        for name in Self.companions { try folder.remove(name) }
        for name in [Self.identityFile, Self.certificateFile, Self.keyFile] { try folder.remove(name) }
        return try keys + IdentityReplacement(of: self).forget()
    }

    func text(of value: some Encodable) -> Data {
        guard let text = try? EnrollmentJSON.encode(value) else {
            preconditionFailure("texts, numbers and dates can always be encoded")
        }
        return text + Data("\n".utf8)
    }

    func damaged(_ what: String) -> IdentityStoreError {
        IdentityStoreError(
            .damaged, "The identity in \(path) is damaged: \(what)",
            remedy: "Bring the folder back from a backup, or give it up with 'postern unregister --local' and register "
                + "again with a new invitation.")
    }
}
