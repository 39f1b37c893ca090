import Foundation
import Synchronization

/// A program that a test runs to its end, or in the background until it is stopped.
final class Program: Sendable {
    /// What a program said and how it ended.
    struct Result: Sendable {
        var status: Int32
        var output: String
        var errors: String
    }

    private let process: Mutex<Process>
    private let ending: AsyncStream<Int32>
    let outputFile: URL
    let errorFile: URL
    let pid: Int32

    /// The folder of the built programs: `$POSTERN_BIN`, else where the tests themselves were built.
    static let folder: URL = {
        if let path = ProcessInfo.processInfo.environment["POSTERN_BIN"] { return URL(fileURLWithPath: path) }
        return URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    }()

    /// The full path of a built program or of a tool of the system.
    static func path(_ name: String) -> String {
        let built = folder.appendingPathComponent(name).path
        if FileManager.default.isExecutableFile(atPath: built) { return built }
        for folder in ["/usr/bin", "/usr/sbin", "/bin", "/sbin"] {
            let path = folder + "/" + name
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        return name
    }

    /// Starts a program; its output goes to files in `folder`.
    init(
        _ name: String, _ arguments: [String], in folder: URL, as label: String? = nil,
        environment: [String: String] = [:], input: String? = nil
    ) throws {
        let label = label ?? "\(name)-\(UUID().uuidString.prefix(8))"
        outputFile = folder.appendingPathComponent(label + ".out")
        errorFile = folder.appendingPathComponent(label + ".err")
        for file in [outputFile, errorFile] where !FileManager.default.fileExists(atPath: file.path) {
            _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.path(name))
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = try FileHandle(forWritingTo: outputFile)
        let errors = try FileHandle(forWritingTo: errorFile)
        try output.seekToEnd()
        try errors.seekToEnd()
        process.standardOutput = output
        process.standardError = errors
        if let input {
            let file = folder.appendingPathComponent(label + ".in")
            try Data(input.utf8).write(to: file)
            process.standardInput = try FileHandle(forReadingFrom: file)
        } else {
            process.standardInput = FileHandle.nullDevice
        }
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { ended in
            continuation.yield(ended.terminationStatus)
            continuation.finish()
        }
        ending = stream
        try process.run()
        // The child has its own; thousands of programs in one test would leave no descriptors.
        try output.close()
        try errors.close()
        if let file = process.standardInput as? FileHandle, input != nil { try file.close() }
        pid = process.processIdentifier
        self.process = Mutex(process)
    }

    /// Sends a signal.
    func signal(_ number: Int32) {
        kill(pid, number)
    }

    /// Whether the program has not ended yet.
    var isRunning: Bool { process.withLock { $0.isRunning } }

    /// Waits for the end.
    func wait() async -> Result {
        var status: Int32 = -1
        for await ended in ending { status = ended }
        return Result(status: status, output: output, errors: errors)
    }

    /// What the program wrote to standard output so far.
    var output: String { (try? String(contentsOf: outputFile, encoding: .utf8)) ?? "" }
    /// What the program wrote to standard error so far.
    var errors: String { (try? String(contentsOf: errorFile, encoding: .utf8)) ?? "" }

    /// Runs a program to its end.
    static func run(
        _ name: String, _ arguments: [String], in folder: URL, environment: [String: String] = [:],
        input: String? = nil
    ) async throws -> Result {
        try await Program(name, arguments, in: folder, environment: environment, input: input).wait()
    }
}
