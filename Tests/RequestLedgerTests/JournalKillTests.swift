import Failpoints
import Foundation
import GRDB
import RelayDelivery
import RelayFormat
import RequestLedger
import Testing

@Suite("The journal of a killed process", .timeLimit(.minutes(2)))
struct JournalKillTests {
    @Test(
        "what was said to have begun or ended before a kill -9 is known afterwards",
        arguments: Failpoint.allCases.filter { $0.rawValue.hasPrefix("journal.") }, [1, 7])
    func killed(at point: Failpoint, passing: Int) async throws {
        let folder = try JournalFolder()
        defer { folder.remove() }
        let failpoint = "\(point.rawValue):\(passing)"
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = folder.path as String, failpoint = failpoint as String] in
            setenv("POSTERN_FAILPOINT", failpoint, 1)
            let folder = JournalFolder(path: path)
            try Data().write(to: URL(filePath: folder.witness))
            let witness = try FileHandle(forWritingTo: URL(filePath: folder.witness))
            let journal = try await folder.open()
            for _ in 0..<20 {
                let id = RequestID.random()
                try await journal.record([.begun(folder.record(id, .started))])
                try witness.write(contentsOf: Data("begun \(id)\n".utf8))
                try await journal.record([.finished(id, .answer(100))])
                try witness.write(contentsOf: Data("ended \(id)\n".utf8))
            }
        }
        let text = try String(contentsOfFile: folder.witness, encoding: .utf8)
        let journal = try await folder.open()
        var begun: Set<RequestID> = []
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ")
            let id = try #require(RequestID(String(parts[1])))
            let state = try #require(try await journal.state(of: id), "\(line) is lost")
            begun.insert(id)
            #expect(state == .finished(.answer(100)) || (parts[0] == "begun" && state == .interrupted), "\(line)")
        }
        // Beyond that there is at most what was just being written.
        #expect(journal.count - begun.count <= 1)
        await journal.close()
        let integrity = try await DatabaseQueue(path: folder.file).read {
            try String.fetchOne($0, sql: "PRAGMA integrity_check")
        }
        #expect(integrity == "ok")
    }
}
