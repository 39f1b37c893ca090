internal import Crypto
internal import Failpoints
public import MachineIdentity

/// The files of keys: a private key in PEM, or the place of one that something else holds.
///
/// The latter is the place in the first line and, once the key is made, its public half in PEM (RFC 7468 lets a text stand
/// before that). The place is written before the key is made: a kill leaves no key behind that no file names.
extension FolderIdentityStore {
    /// Looks whether keys can be made and used where they are, or shall be; a key in the folder always can.
    public func checkKeyHolder() throws(IdentityStoreError) {
        guard let place = try keyPlace else { return }
        try holding(place) { holder in try holder.check(place) }
    }

    /// Where the key is that something else holds, or where the first one shall be; nil for one in the folder.
    public var keyPlace: String? {
        get throws(IdentityStoreError) {
            guard folder.exists, try readKey(Self.keyFile) != nil else { return newKeys.place }
            return try place(in: Self.keyFile)
        }
    }

    /// The key, made now if there is none yet.
    public func loadOrMakeKey() throws(IdentityStoreError) -> IdentityKey {
        if let key = try readKey(Self.keyFile) {
            let isElsewhere =
                switch newKeys {
                case .asBefore: false
                case .inFolder: key.heldKey != nil
                case .at: key.heldKey == nil
                }
            guard !isElsewhere else {
                throw IdentityStoreError(
                    .keyHolder,
                    "An earlier attempt to register has made a key \(key.heldKey.map { "at \($0.place)" } ?? "in \(path)")",
                    remedy: "Remove it, then register again: postern unregister --local --state-dir '\(path)'")
            }
            return key
        }
        let kept: String? = if case .asBefore = newKeys { try place(in: Self.keyFile) } else { newKeys.place }
        return try makeKey(in: Self.keyFile, at: kept, isFirst: true)
    }

    /// Makes the key of a file: in the folder, or at a place that something else holds.
    func makeKey(
        in file: String, at place: String?, isFirst: Bool = false
    ) throws(IdentityStoreError) -> IdentityKey {
        guard let place else {
            if isFirst, try reservedPlace(in: file) != nil {
                // What an attempt has left that was to make the key elsewhere.
                _ = abandon(in: [file])
                try folder.remove(file)
            }
            let key = MachineKey()
            if !isFirst { Failpoint.reach(.identityKeyBefore) }
            guard try folder.writeOnce(key.pem().reveal().utf8, to: file) else {
                // Of two processes that register, one wins.
                if isFirst, let other = try readKey(file) { return other }
                throw damaged("\(file) comes and goes")
            }
            if !isFirst { Failpoint.reach(.identityKeyAfter) }
            return .memory(key)
        }
        guard let lock = try folder.lock("key.lock") else {
            throw IdentityStoreError(
                .keyHolder, "Another process is just making the key of \(path)", remedy: "Try again when it has ended.")
        }
        defer { withExtendedLifetime(lock) {} }
        if let made = try readKey(file) { return made }
        if isFirst, newKeys.place != nil {
            // What an attempt has left that was killed, or that named another place.
            _ = abandon(in: [file])
            try folder.remove(file)
        }
        if try reservedPlace(in: file) == nil {
            let fresh = try holding(place) { holder in try holder.newPlace(at: place) }
            try folder.write((fresh + "\n").utf8, to: file)
        }
        guard let reserved = try reservedPlace(in: file) else { throw damaged("\(file) comes and goes") }
        let key = try holding(reserved) { holder in try holder.key(reserved, publicKey: holder.makeKey(reserved)) }
        if !isFirst { Failpoint.reach(.identityKeyBefore) }
        try folder.write(Self.text(of: .held(key)).utf8, to: file)
        if !isFirst { Failpoint.reach(.identityKeyAfter) }
        return .held(key)
    }

    /// Reads a key; nil if there is none, or only the place of one that is to be made.
    func readKey(_ file: String) throws(IdentityStoreError) -> IdentityKey? {
        guard let text = try text(in: file) else { return nil }
        guard let place = Self.place(in: text) else {
            guard let key = try? MachineKey(pem: text) else { throw damaged("\(file) cannot be understood") }
            return .memory(key)
        }
        let pem = text.dropFirst(place.count)
        guard pem.contains(where: { !$0.isWhitespace }) else { return nil }
        guard let publicKey = try? P256.Signing.PublicKey(pemRepresentation: String(pem)) else {
            throw damaged("\(file) cannot be understood")
        }
        return .held(try holding(place) { holder in try holder.key(place, publicKey: publicKey) })
    }

    /// Whether the process was killed while a renewal had its key made by what holds keys.
    public var isMakingRenewalKey: Bool {
        get throws(IdentityStoreError) {
            guard folder.exists else { return false }
            return try reservedPlace(in: Self.renewalKeyFile) != nil
        }
    }

    /// The place of a key that is to be made; nil if it was made, or is a key in the folder.
    func reservedPlace(in file: String) throws(IdentityStoreError) -> String? {
        guard let text = try text(in: file), let place = Self.place(in: text),
            !text.dropFirst(place.count).contains(where: { !$0.isWhitespace })
        else { return nil }
        return place
    }

    /// The place that a file names.
    func place(in file: String) throws(IdentityStoreError) -> String? {
        try text(in: file).flatMap(Self.place)
    }

    /// Destroys the key that a file names, if something else holds it; the file stays.
    func destroyKey(in file: String) throws(IdentityStoreError) {
        guard let place = try place(in: file) else { return }
        try holding(place) { holder in try holder.destroyKey(place) }
    }

    /// Destroys the keys that files name, as far as it can.
    func abandon(in files: [String]) -> [AbandonedKey] {
        files.compactMap { file in
            guard let place = try? place(in: file) else { return nil }
            do throws(IdentityStoreError) {
                try destroyKey(in: file)
                return nil
            } catch {
                return AbandonedKey(place: place, reason: error.message)
            }
        }
    }

    /// What a key is in its file.
    static func text(of key: IdentityKey) -> String {
        switch key {
        case .memory(let key): key.pem().reveal()
        case .held(let key): key.place + "\n" + key.publicKey.pemRepresentation + "\n"
        }
    }

    private func text(in file: String) throws(IdentityStoreError) -> String? {
        try folder.read(file).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The first line, where it is a place and no PEM.
    private static func place(in text: String) -> String? {
        let line = text.prefix { $0 != "\n" }
        return line.isEmpty || line.hasPrefix("-----") || !line.contains(":") ? nil : String(line)
    }

    private func holding<Value>(
        _ place: String, _ body: (any KeyHolder) throws -> Value
    ) throws(IdentityStoreError) -> Value {
        guard let holder, holder.recognises(place) else {
            throw damaged("its key is at \(place), which nothing here holds")
        }
        do { return try body(holder) } catch let failure as any HeldKeyFailure {
            throw IdentityStoreError(failure)
        } catch {
            throw IdentityStoreError(.keyHolder, "The key at \(place) cannot be used: \(error)", remedy: "")
        }
    }
}
