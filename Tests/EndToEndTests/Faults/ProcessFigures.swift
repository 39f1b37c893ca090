import Foundation

/// What a process uses, as `/proc` says it.
struct ProcessFigures: Sendable, CustomStringConvertible {
    /// Resident memory in bytes.
    var memory: Int
    var descriptors: Int
    var threads: Int

    var description: String { "\(memory >> 20) MiB, \(descriptors) descriptors, \(threads) threads" }

    init(memory: Int, descriptors: Int, threads: Int) {
        self.memory = memory
        self.descriptors = descriptors
        self.threads = threads
    }

    /// Reads the figures; nil if the process has ended.
    init?(of pid: Int32) {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
            let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
        else { return nil }
        var fields: [Substring: Int] = [:]
        for line in status.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            fields[parts[0]] = Int(parts[1].drop { !$0.isNumber }.prefix { $0.isNumber })
        }
        guard let kilobytes = fields["VmRSS"], let threads = fields["Threads"] else { return nil }
        memory = kilobytes << 10
        descriptors = files.count
        self.threads = threads
    }
}
