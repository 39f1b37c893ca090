internal import Foundation

/// A token of SoftHSM2 in a folder of its own, and what pkcs11-tool says of it.
public struct SoftToken: Sendable {
    /// A failure of a tool.
    public struct Failure: Error {
        public var text: String
    }

    /// Where Debian has the module.
    public static let module = "/usr/lib/softhsm/libsofthsm2.so"
    public static let pin = "48-1513"

    public let folder: String
    public let label: String

    /// Makes the token, and the file of its PIN; the folder is made, too.
    public init(in folder: String, label: String = "postern") throws {
        self.folder = folder
        self.label = label
        try FileManager.default.createDirectory(atPath: folder + "/tokens", withIntermediateDirectories: true)
        try "directories.tokendir = \(folder)/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
            .write(toFile: folder + "/softhsm2.conf", atomically: true, encoding: .utf8)
        try write(pin: Self.pin)
        try Self.run(
            "softhsm2-util", ["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", Self.pin],
            environment)
    }

    /// By which SoftHSM2 finds the token.
    public var environment: [String: String] { ["SOFTHSM2_CONF": folder + "/softhsm2.conf"] }

    public var pinFile: String { folder + "/pin" }

    /// The place of keys in it.
    public var place: String {
        "pkcs11:token=\(label);object=connector?module-path=\(Self.module)&pin-source=file:\(pinFile)"
    }

    /// Writes the file of the PIN.
    public func write(pin: String) throws {
        try (pin + "\n").write(toFile: pinFile, atomically: false, encoding: .utf8)
        chmod(pinFile, 0o600)
    }

    /// Takes the token away, or puts it back.
    public func move(away: Bool) throws {
        let (here, there) = (folder + "/tokens", folder + "/drawer")
        try FileManager.default.moveItem(atPath: away ? here : there, toPath: away ? there : here)
        if away { try FileManager.default.createDirectory(atPath: here, withIntermediateDirectories: false) }
    }

    /// Puts a token back that was taken away.
    public func putBack() throws {
        try FileManager.default.removeItem(atPath: folder + "/tokens")
        try move(away: false)
    }

    /// A private key as pkcs11-tool lists it.
    public struct Key: Sendable {
        public var id: String
        public var text: String
    }

    /// The objects of a kind, `privkey` or `pubkey`.
    public func keys(_ kind: String = "privkey") throws -> [Key] {
        let text = try Self.run(
            "pkcs11-tool",
            [
                "--module", Self.module, "--token-label", label, "--login", "--pin", Self.pin, "--list-objects",
                "--type", kind,
            ],
            environment)
        return text.components(separatedBy: " Key Object").dropFirst().map { part in
            let id = part.split(separator: "\n").first { $0.contains("ID:") } ?? ""
            return Key(
                id: id.replacingOccurrences(of: "ID:", with: "").trimmingCharacters(in: .whitespaces), text: part)
        }
    }

    /// Runs a tool to its end.
    @discardableResult
    public static func run(_ tool: String, _ arguments: [String], _ environment: [String: String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [tool] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let complaints = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(text: "\(tool): \(text)\(complaints)") }
        return text
    }
}
