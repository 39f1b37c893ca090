internal import EnrollmentProtocol
internal import Failpoints
public import Foundation
public import RelaySealing
internal import Synchronization

/// The private HPKE keys of a member in one file of a state folder: those of now, and those before that an epoch needs.
///
/// The file is replaced atomically and is as safe as an identity key. It names the identity key that vouches for each
/// key, so that whoever starts sees what is still to be made or handed in.
public struct HPKEKeyFile: Sendable {
    private struct Entry: Codable {
        var suite: UInt8
        var privateKey: Data
        /// The fingerprint of the identity key for which it was made.
        var owner: String
        var madeAt: Date

        enum CodingKeys: String, CodingKey {
            case suite, owner
            case privateKey = "private_key"
            case madeAt = "made_at"
        }
    }

    private struct Content: Codable {
        /// Oldest first.
        var keys: [Entry] = []
    }

    /// The most keys, when nothing ever opens an epoch.
    private static let capacity = 16

    /// What reads the file and writes it again does so alone.
    private static let gate = Mutex(())

    private let name: String
    private let folder: StateFolder

    /// Names a file; nothing is touched yet.
    public init(_ name: String, in folder: StateFolder) {
        self.name = name
        self.folder = folder
    }

    /// The keys of now, one of each suite, newly made where there are none for this identity key.
    ///
    /// - Parameters:
    ///   - owner: the fingerprint of the identity key.
    ///   - renewAfter: after how many seconds keys are made anew even under the same identity key.
    public func prepare(
        for owner: String, at now: Date, renewAfter: TimeInterval = .infinity
    ) throws(IdentityStoreError) -> [HPKEPrivateKey] {
        try Self.gate.withLock { _ throws(IdentityStoreError) in
            var content = try read()
            var present: [HPKEPrivateKey] = []
            var isChanged = false
            for suite in SealingSuite.allCases {
                let known = content.keys.last { $0.suite == suite.rawValue && $0.owner == owner }
                // A clock that was turned back makes no new keys at each look.
                if let known, now.timeIntervalSince(known.madeAt) < renewAfter {
                    present.append(try key(of: known))
                    continue
                }
                guard let key = try? HPKEPrivateKey(suite: suite) else { throw damaged("no new key can be made") }
                content.keys.append(
                    Entry(suite: suite.rawValue, privateKey: Data(key.rawRepresentation), owner: owner, madeAt: now))
                present.append(key)
                isChanged = true
            }
            if isChanged {
                Failpoint.reach(.hpkeKeyBefore)
                try write(content)
                Failpoint.reach(.hpkeKeyAfter)
            }
            return present
        }
    }

    /// The private key to a public one; nil when it is not here.
    public func key(for publicKey: HPKEPublicKey) throws(IdentityStoreError) -> HPKEPrivateKey? {
        for entry in try read().keys.reversed() where entry.suite == publicKey.suite.rawValue {
            let key = try key(of: entry)
            if key.publicKey == publicKey { return key }
        }
        return nil
    }

    /// Erases what was made before the oldest of these keys: those with which the present epochs were opened.
    ///
    /// Keys that were made together, one of each suite, stay together.
    public func retire(before used: [HPKEPublicKey]) throws(IdentityStoreError) {
        try Self.gate.withLock { _ throws(IdentityStoreError) in
            var content = try read()
            var oldest: Entry?
            for entry in content.keys where oldest == nil {
                if used.contains(try key(of: entry).publicKey) { oldest = entry }
            }
            guard let oldest,
                let first = content.keys.firstIndex(where: { $0.owner == oldest.owner && $0.madeAt == oldest.madeAt }),
                first > 0
            else { return }
            content.keys.removeFirst(first)
            Failpoint.reach(.hpkeRetireBefore)
            try write(content)
        }
    }

    /// Erases all keys.
    public func erase() throws(IdentityStoreError) { try folder.remove(name) }

    private func key(of entry: Entry) throws(IdentityStoreError) -> HPKEPrivateKey {
        guard let suite = SealingSuite(rawValue: entry.suite),
            let key = try? HPKEPrivateKey(suite: suite, rawRepresentation: entry.privateKey)
        else { throw damaged("it holds a key that is none") }
        return key
    }

    private func read() throws(IdentityStoreError) -> Content {
        guard let bytes = try folder.read(name) else { return Content() }
        guard let content = try? EnrollmentJSON.decode(Content.self, from: Data(bytes)) else {
            throw damaged("it cannot be understood")
        }
        return content
    }

    private func write(_ content: Content) throws(IdentityStoreError) {
        var content = content
        content.keys.removeFirst(max(0, content.keys.count - Self.capacity))
        guard let text = try? EnrollmentJSON.encode(content) else {
            preconditionFailure("numbers, texts and dates can always be encoded")
        }
        try folder.write(text + Data("\n".utf8), to: name)
    }

    private func damaged(_ what: String) -> IdentityStoreError {
        IdentityStoreError(
            .damaged, "\(folder.path)/\(name) is damaged: \(what)",
            remedy: "Remove the file: new keys are made, and handed in at the next start.")
    }
}
