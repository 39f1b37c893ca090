internal import Foundation
internal import MachineIdentity

/// Where the PIN of a token comes from; it is read at each login, and not kept.
struct TokenPIN: Sendable {
    /// The name of systemd's credential, and of the environment's variable.
    static let credential = "postern-pin"
    static let variable = "POSTERN_KEY_PIN"
    private static let longest = 256

    private let source: String?
    private let environment: [String: String]

    init(source: String?, environment: [String: String]) {
        self.source = source
        self.environment = environment
    }

    /// Reads it: from the file that the URI names, else from systemd's credential, else from the environment.
    func read() throws(TokenKeyError) -> Secret {
        if let source { return try read(file: source) }
        if let folder = environment["CREDENTIALS_DIRECTORY"], !folder.isEmpty {
            let file = folder + "/" + Self.credential
            if FileManager.default.fileExists(atPath: file) { return try read(file: file) }
        }
        guard let pin = environment[Self.variable], !pin.isEmpty else {
            throw TokenKeyError(
                .pinMissing, "the token wants a PIN, and there is none",
                remedy: "Name its file by pin-source=file:/path in the URI of the key, hand it over by systemd "
                    + "(LoadCredentialEncrypted=\(Self.credential)), or set \(Self.variable).")
        }
        return Secret(pin)
    }

    private func read(file: String) throws(TokenKeyError) -> Secret {
        var status = stat()
        guard stat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            let bytes = FileManager.default.contents(atPath: file)
        else {
            throw TokenKeyError(
                .pinMissing, "the file of the PIN, \(file), cannot be read",
                remedy: "Look whether it is there, and readable for user \(geteuid()).")
        }
        guard status.st_mode & 0o027 == 0 else {
            throw TokenKeyError(
                .pinMissing,
                "the file of the PIN, \(file), has mode \(String(status.st_mode & 0o7777, radix: 8)), so others may "
                    + "get at it",
                remedy: "Mend it: chmod 600 '\(file)'")
        }
        var pin = bytes[...]
        if pin.last == UInt8(ascii: "\n") { pin = pin.dropLast() }
        if pin.last == UInt8(ascii: "\r") { pin = pin.dropLast() }
        guard !pin.isEmpty, pin.count <= Self.longest, let text = String(validating: pin, as: UTF8.self) else {
            throw TokenKeyError(
                .pinMissing, "the file of the PIN, \(file), is empty or holds no PIN",
                remedy: "Write the PIN into it, in one line.")
        }
        return Secret(text)
    }
}
