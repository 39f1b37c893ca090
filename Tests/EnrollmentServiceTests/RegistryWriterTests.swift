import Foundation
import GRDB
import Testing

@testable import EnrollmentService

@Suite struct RegistryWriterTests {
    private struct Refused: Error {}

    @Test func ofManyChangesAtOnceTheRefusedOnesAloneAreTakenBack() async throws {
        let stage = try await Stage()
        let registry = stage.installation.registry
        try await registry.database.write { try $0.execute(sql: "CREATE TABLE numbers (number INTEGER PRIMARY KEY)") }
        let answers = await withTaskGroup(of: (Int, Int?).self) { group in
            for number in 0..<300 {
                group.addTask {
                    let written = try? await registry.write { database in
                        try database.execute(sql: "INSERT INTO numbers VALUES (?)", arguments: [number])
                        if number.isMultiple(of: 3) { throw Refused() }
                        return number
                    }
                    return (number, written)
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        let kept = try await registry.database.read { try Int.fetchSet($0, sql: "SELECT number FROM numbers") }
        #expect(kept == Set((0..<300).filter { !$0.isMultiple(of: 3) }))
        #expect(Set(answers.keys) == kept)
        #expect(answers.allSatisfy { $0.key == $0.value })
    }

    @Test func aTransactionThatIsLostAnswersNobodyWithSuccess() async throws {
        let stage = try await Stage()
        let registry = stage.installation.registry
        try await registry.database.write { try $0.execute(sql: "CREATE TABLE numbers (number INTEGER PRIMARY KEY)") }
        let succeeded = await withTaskGroup(of: Int?.self) { group in
            for number in 0..<100 {
                group.addTask {
                    try? await registry.write { database in
                        try database.execute(sql: "INSERT INTO numbers VALUES (?)", arguments: [number])
                        // What SQLite does by itself when the disk is full.
                        if number == 50 { try database.execute(sql: "ROLLBACK") }
                        return number
                    }
                }
            }
            return await group.reduce(into: Set<Int>()) { if let number = $1 { $0.insert(number) } }
        }
        let kept = try await registry.database.read { try Int.fetchSet($0, sql: "SELECT number FROM numbers") }
        #expect(kept == succeeded)
        #expect(!kept.contains(50))
        #expect(try await registry.write { _ in 1 } == 1)
    }
}
