import BrokerCore
import Foundation
import GRDB
import Logging
import RelayFormat
import SQLiteBroker

/// A folder with the file of one queue.
struct ScratchFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "postern-queue-" + BootID.random().description
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    var file: String { path + "/queue.sqlite" }

    func openBroker(
        limits: BoardLimits = BoardLimits(), clock: RelayClock = .system, largestFile: Int = 1 << 30
    ) async throws -> DurableBroker {
        try await DurableBroker.open(
            path: file, limits: limits, clock: clock, largestFile: largestFile,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Copies the file and its log as they are, which is what a process leaves that is killed now.
    func copyAsKilled() throws -> ScratchFolder {
        let copy = try ScratchFolder()
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: file + suffix, toPath: copy.file + suffix)
        }
        return copy
    }

    /// Looks at the file with a connection of its own.
    func read<Value: Sendable>(_ body: @Sendable (Database) throws -> Value) async throws -> Value {
        var configuration = Configuration()
        configuration.readonly = true
        let database = try DatabaseQueue(path: file, configuration: configuration)
        defer { try? database.close() }
        return try await database.read { try body($0) }
    }

    func storedRecords() async throws -> Int? {
        try await read { try Int.fetchOne($0, sql: "SELECT count(*) FROM record") }
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}
