internal import Crypto
internal import Foundation

/// The key-encryption key under which private keys lie on the disk, as systemd hands it to a service.
///
/// It is the file `postern-kek`, 32 random bytes, in `$CREDENTIALS_DIRECTORY` (`LoadCredentialEncrypted=`). Where it is,
/// private keys and the pepper are sealed with AES-256-GCM: whoever copies the disk has no key. A sealed file is
/// `PSEAL` and a version of one byte, eight bytes that name the key-encryption key, twelve of nonce, the ciphertext and
/// the tag; all before the nonce, and the file's name, are authenticated with it.
public struct KeyEncryption: Sendable {
    /// The name of the credential.
    public static let credential = "postern-kek"
    /// How many bytes the key has.
    public static let byteCount = 32

    private static let magic = Array("PSEAL".utf8) + [1]
    private static let nameLength = 8

    private let file: String?

    /// No key: files are written as they are, and a sealed one cannot be read.
    public static let none = KeyEncryption(credentialsDirectory: nil)

    /// Takes the folder that systemd names in `$CREDENTIALS_DIRECTORY`; nil where it names none.
    public init(credentialsDirectory: String?) {
        file = credentialsDirectory.flatMap { $0.isEmpty ? nil : $0 + "/" + Self.credential }
    }

    /// Whether a file of this name holds a private key, and is sealed where there is a key for that.
    static func protects(_ name: String) -> Bool {
        name.hasSuffix(".key") || name.hasSuffix("key.pem") || name == "pepper"
    }

    /// Whether bytes are those of a sealed file.
    static func isSealed(_ content: [UInt8]) -> Bool { content.starts(with: magic) }

    /// Whether a key is there.
    func isPresent() throws(IdentityStoreError) -> Bool { try key() != nil }

    /// What a file's content is on the disk.
    func sealed(_ content: [UInt8], as name: String) throws(IdentityStoreError) -> [UInt8] {
        guard Self.protects(name), let key = try key() else { return content }
        let head = Self.magic + Self.name(of: key)
        do {
            let box = try AES.GCM.seal(content, using: key, authenticating: head + Array(name.utf8))
            guard let combined = box.combined else { preconditionFailure("a nonce of twelve bytes was made here") }
            return head + Array(combined)
        } catch {
            preconditionFailure("a key of 32 bytes seals anything: \(error)")
        }
    }

    /// The content of a file from what is on the disk; a plain file is taken as it is.
    func opened(_ stored: [UInt8], as name: String, in folder: String) throws(IdentityStoreError) -> [UInt8] {
        guard Self.protects(name), Self.isSealed(stored) else { return stored }
        let place = folder + "/" + name
        guard let key = try key() else {
            throw IdentityStoreError(
                .sealed, "\(place) is sealed, and the key-encryption key is not there",
                remedy: "Run it where systemd hands the key over (LoadCredentialEncrypted=\(Self.credential)), or by: "
                    + "systemd-run --pty -p LoadCredentialEncrypted=\(Self.credential) -p User=$USER …")
        }
        let head = Self.magic + Self.name(of: key)
        guard stored.starts(with: head) else {
            throw IdentityStoreError(
                .sealed, "\(place) is sealed under another key-encryption key than the one in \(file ?? "")",
                remedy:
                    "Bring the right \(Self.credential) back; without it the key is lost, and the machine registers "
                    + "again with a new invitation.")
        }
        guard let box = try? AES.GCM.SealedBox(combined: stored.dropFirst(head.count)),
            let content = try? AES.GCM.open(box, using: key, authenticating: head + Array(name.utf8))
        else {
            throw IdentityStoreError(
                .damaged, "\(place) was changed, cut off, or is another file's content",
                remedy: "Bring the file back from a backup.")
        }
        return Array(content)
    }

    private func key() throws(IdentityStoreError) -> SymmetricKey? {
        guard let file, FileManager.default.fileExists(atPath: file) else { return nil }
        guard let bytes = FileManager.default.contents(atPath: file) else {
            throw IdentityStoreError(
                .sealed, "the key-encryption key \(file) cannot be read",
                remedy: "Look at the unit's LoadCredentialEncrypted= and at the file's owner.")
        }
        guard bytes.count == Self.byteCount else {
            throw IdentityStoreError(
                .sealed, "the key-encryption key \(file) has \(bytes.count) bytes instead of \(Self.byteCount)",
                remedy: "Make one: head -c 32 /dev/urandom | systemd-creds encrypt --name=\(Self.credential) - "
                    + "/etc/credstore.encrypted/\(Self.credential)")
        }
        return SymmetricKey(data: bytes)
    }

    /// What tells one key-encryption key from another, and nothing about it.
    private static func name(of key: SymmetricKey) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array("postern key name".utf8), using: key).prefix(nameLength))
    }
}
