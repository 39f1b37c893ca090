import Foundation
import NIOHTTP1
import Synchronization

/// Calls without a pause, and which connector answered each when.
final class AnswerLog: Sendable {
    struct Entry: Sendable {
        var at: ContinuousClock.Instant
        var status: Int
        var connector: String?
        var text: String
    }
    private let entries = Mutex<[Entry]>([])

    /// Calls from eight sides, for a minute and a half at most, while `body` runs.
    func record(_ site: Site, _ body: () async throws -> Void) async throws {
        let end = ContinuousClock.now + .seconds(90)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<8 {
                group.addTask {
                    var number = 0
                    while ContinuousClock.now < end, !Task.isCancelled {
                        number += 1
                        guard let answer = try? await site.call("load-\(caller)-\(number)", holding: "20") else {
                            continue
                        }
                        let connector = answer.headers.first(name: "postern-connector")
                        self.entries.withLock {
                            $0.append(
                                Entry(at: .now, status: answer.status, connector: connector, text: answer.text))
                        }
                    }
                }
            }
            do { try await body() } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }

    /// The good answers of a connector since a moment.
    func answers(of connector: String, since start: ContinuousClock.Instant = .now - .seconds(3600)) -> [Entry] {
        entries.withLock { $0.filter { $0.connector == connector && $0.status == 200 && $0.at >= start } }
    }

    /// Whatever went wrong.
    var failures: [Entry] { entries.withLock { $0.filter { $0.status != 200 } } }
}
