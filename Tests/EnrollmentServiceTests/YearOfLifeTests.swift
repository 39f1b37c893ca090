import EnrollmentProtocol
import Foundation
import GRDB
import MachineIdentity
import Testing

@testable import EnrollmentService

@Suite struct YearOfLifeTests {
    /// A year at certificates of one day, by a manual clock: each renewal at the moment that the tenant named.
    @Test func aYearPassesWithoutAPerson() async throws {
        let stage = try await Stage()
        let start = stage.now
        var machine = try await stage.register(of: stage.acme)
        var past: [Machine] = []
        var renewals = 0
        #expect(try await stage.verdict(on: machine) == nil)
        while stage.now < start.addingTimeInterval(365 * 86400), renewals < 1000 {
            stage.advance(by: machine.answer.renewAt.timeIntervalSince(stage.now))
            let next: Machine
            switch renewals % 5 {
            case 3:  // The answer is lost; the next start asks again with the same key.
                let key = MachineKey()
                _ = try await stage.askToRenew(machine, key: key)
                next = try machine.renewed(key: key, try await stage.askToRenew(machine, key: key).message())
            case 4:  // Behind a proxy that ends TLS.
                next = try await stage.renew(machine, bearer: try await stage.accessToken(of: machine).accessToken)
            default: next = try await stage.renew(machine)
            }
            renewals += 1
            #expect(next.id == machine.id)
            #expect(next.answer.generation == renewals + 1)
            #expect(try await stage.verdict(on: next) == nil)
            past = past.suffix(3) + [machine]
            for (age, old) in past.reversed().enumerated() {
                let problem = try await stage.verdict(on: old)
                // The one before is still in its time, so that nothing but its generation shuts it out.
                #expect(problem == .staleGeneration || (age > 0 && problem == .certificateExpired), "\(age) ago")
            }
            machine = next
            if renewals.isMultiple(of: 20) { _ = try await stage.service.tidy() }
            try #require(try await accepted(of: machine, stage) == [machine.answer.generation])
        }
        #expect(renewals > 365)
        _ = try await stage.service.tidy()
        let rows = try await stage.installation.registry.database.read { database in
            try ["certificates", "assertions", "nonces"].map { table in
                try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table)") ?? 0
            }
        }
        // Thirty-one days of certificates, and whatever was used within the last minutes.
        #expect((31...60).contains(rows[0]), "\(rows)")
        #expect(rows[1] <= 1)
        #expect(rows[2] == 0)
        #expect(try await stage.connector(machine).state == .active)
    }

    /// The generations whose certificates are in their time and would be let in.
    private func accepted(of machine: Machine, _ stage: Stage) async throws -> [Int] {
        let registry = stage.installation.registry
        let fingerprints = try await registry.database.read { database in
            try Data.fetchAll(
                database, sql: "SELECT fingerprint FROM certificates WHERE connector_id = ? AND not_after >= ?",
                arguments: [machine.id, Stamp(stage.now)])
        }
        var accepted: [Int] = []
        for bytes in fingerprints {
            let fingerprint = try #require(CertificateFingerprint(bytes: bytes))
            let member = try #require(try await registry.member(certificate: fingerprint))
            if !member.isSuperseded, !member.isRevoked, !member.isFrozen { accepted.append(member.generation) }
        }
        return accepted
    }
}
