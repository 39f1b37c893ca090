internal import Connector
internal import Foundation
internal import UnixSignals

/// Shows a status again and again, until SIGINT or SIGTERM.
struct StatusWatch {
    let client: ControlClient
    let stateDir: String
    let json: Bool

    func run() async throws {
        try await withThrowingTaskGroup { group in
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return }
            }
            group.addTask { try await show() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func show() async throws {
        let isTerminal = isatty(STDOUT_FILENO) == 1 && !json
        var shown: [String] = []
        while !Task.isCancelled {
            let status = try? await client.status()
            let missing = ["not running: no service runs with the state folder \(stateDir)"]
            if isTerminal {
                let lines = status.map { StatusText($0).lines } ?? missing
                // Home, then clear what is left of each line and of the screen (ECMA-48).
                write("\u{1b}[H" + lines.map { "\($0)\u{1b}[K\n" }.joined() + "\u{1b}[J")
            } else {
                let lines = status.map { StatusText($0).still } ?? missing
                if lines != shown {
                    if json {
                        write(try line(of: status) + "\n")
                    } else {
                        let time = Date.now.formatted(.iso8601)
                        write(lines.filter { !shown.contains($0) }.map { "\(time) \($0)\n" }.joined())
                    }
                    shown = lines
                }
            }
            do {
                try await Task.sleep(for: .seconds(1))
            } catch {
                return
            }
        }
    }

    private func line(of status: ConnectorStatus?) throws -> String {
        guard let status else { return "{\"state\":\"not_running\"}" }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(status), as: UTF8.self)
    }

    /// Standard output is not buffered here, so that whoever reads a pipe sees each change at once.
    private func write(_ text: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }
}
