public import Foundation

/// The `openssl` program in a scratch folder of its own.
public struct OpenSSL: Sendable {
    /// It ended with another status than 0.
    public struct Failed: Error {
        /// What it printed.
        public let output: String
    }

    /// The folder in which it runs.
    public let folder: URL

    /// Makes the folder.
    public init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "postern-openssl-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// Removes the folder.
    public func remove() { try? FileManager.default.removeItem(at: folder) }

    /// Writes a file for it.
    public func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: folder.appending(path: name))
    }

    /// Reads a file that it wrote.
    public func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: folder.appending(path: name)), as: UTF8.self)
    }

    /// Runs one command and returns what it printed; throws unless it ended with 0.
    @discardableResult
    public func run(_ arguments: String...) async throws -> String { try await run(arguments) }

    /// Runs one command and returns what it printed; throws unless it ended with 0.
    @discardableResult
    public func run(_ arguments: [String]) async throws -> String { try await run(program: ["openssl"] + arguments) }

    /// Runs another program in the same folder and returns what it printed; throws unless it ended with 0.
    @discardableResult
    public func run(program: [String]) async throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = program
        process.currentDirectoryURL = folder
        let output = folder.appending(path: "output-\(UUID().uuidString)")
        try Data().write(to: output)
        let handle = try FileHandle(forWritingTo: output)
        process.standardOutput = handle
        process.standardError = handle
        let status = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { done.resume(throwing: error) }
        }
        let text = String(decoding: try Data(contentsOf: output), as: UTF8.self)
        guard status == 0 else { throw Failed(output: text) }
        return text
    }
}
