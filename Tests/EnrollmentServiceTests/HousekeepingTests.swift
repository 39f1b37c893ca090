import EnrollmentProtocol
import Foundation
import HTTPTypes
import GRDB
import MachineIdentity
import Testing

@testable import EnrollmentService

@Suite struct HousekeepingTests {
    private static let day: TimeInterval = 86400

    private func count(_ table: String, _ stage: Stage) async throws -> Int {
        try await stage.installation.registry.database.read { database in
            try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table)") ?? 0
        }
    }

    @Test func theNewestCertificateStaysAndOlderOnesGoAfterThirtyDays() async throws {
        let stage = try await Stage()
        let first = try await stage.register(of: stage.acme)
        let second = try await stage.renew(first)
        #expect(try await stage.verdict(on: second) == nil)
        stage.advance(by: 31 * Self.day)
        #expect(try await stage.service.tidy() == 0)
        #expect(try await count("certificates", stage) == 2)
        stage.advance(by: 1)
        #expect(try await stage.service.tidy() == 1)
        #expect(try await count("certificates", stage) == 1)
        stage.advance(by: 300 * Self.day)
        #expect(try await stage.service.tidy() == 0)
        #expect(try await stage.connector(first).generation == 2)
    }

    @Test func theDenylistKnowsACertificateToItsEndAndAKeyUntilItCannotRecover() async throws {
        let stage = try await Stage()
        let first = try await stage.register(of: stage.acme)
        let second = try await stage.renew(first)
        _ = try await stage.call(.post, "/v1/connectors/\(first.id)/revoke", bearer: stage.acme.administrator)
        _ = try await stage.service.tidy()
        #expect(try await count("denylist", stage) == 4)
        stage.advance(by: Self.day + 1)
        _ = try await stage.service.tidy()
        #expect(try await count("denylist", stage) == 2)
        stage.advance(by: 30 * Self.day)
        _ = try await stage.service.tidy()
        #expect(try await count("denylist", stage) == 0)
        #expect(try await stage.connector(first).state == .revoked)
        let secret = try #require(try await stage.invite(of: stage.acme).secret)
        #expect(try await stage.enroll(secret, key: second.key).problem == .keyReuse)
        #expect(
            try await stage.assert(try Assertion(of: second, at: stage.now).text(signedBy: second.key)).status == 401)
    }

    @Test func aKeyIsDeniedForAsLongAsItCouldRecover() async throws {
        let stage = try await Stage()
        let file = stage.path + "/installation.json"
        var settings = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: file))) as? [String: Any])
        settings["recovery_days"] = 90
        try JSONSerialization.data(withJSONObject: settings).write(to: URL(filePath: file))
        let long = try await Stage(restarting: stage)
        let machine = try await long.register(of: long.acme)
        _ = try await long.call(.post, "/v1/connectors/\(machine.id)/revoke", bearer: long.acme.administrator)
        long.advance(by: 91 * Self.day - 10)
        _ = try await long.service.tidy()
        #expect(try await count("denylist", long) == 1)
        long.advance(by: 20)
        _ = try await long.service.tidy()
        #expect(try await count("denylist", long) == 0)
    }

    @Test func noncesAndAssertionsGoWhenTheyHaveEnded() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let secret = try #require(try await stage.invite(of: stage.acme).secret)
        for _ in 0..<10 { _ = try await stage.nonce(secret) }
        _ = try await stage.accessToken(of: machine)
        #expect(try await stage.service.tidy() == 0)
        stage.advance(by: 60)
        #expect(try await stage.service.tidy() == 1)
        #expect(try await count("assertions", stage) == 0)
        stage.advance(by: 540)
        #expect(try await stage.service.tidy() == 10)
        #expect(try await count("nonces", stage) == 0)
    }
}
