internal import Foundation

/// Where a secret text is read from: a file, standard input or the environment, so that no argument list shows it.
enum SecretSource {
    private static let longest = 64 * 1024

    /// Reads a file, or standard input for `-`.
    static func read(file path: String) throws -> String {
        let handle = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
        guard let handle, let data = try handle.read(upToCount: longest),
            let text = String(data: data, encoding: .utf8)
        else {
            throw CommandFailure(
                .usage, "\(path == "-" ? "Standard input" : path) cannot be read or is empty.",
                advice: "Look whether the file is there and readable.")
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Reads a variable of the environment.
    static func read(variable name: String) throws -> String {
        guard let text = ProcessInfo.processInfo.environment[name], !text.isEmpty else {
            throw CommandFailure(
                .usage, "The environment has no variable \(name).", advice: "Set it, or use --secret-file.")
        }
        return text
    }
}
