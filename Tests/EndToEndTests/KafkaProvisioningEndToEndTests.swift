import Foundation
import KafkaBroker
import KafkaTopology
import Logging
import RelayFormat
import TestTools
import Testing

/// Topics and rules of access, made by the real programs.
@Suite("Kafka provisioning end to end", .serialized, .timeLimit(.minutes(3)))
struct KafkaProvisioningEndToEndTests {
    private struct Answer: Decodable {
        var provision: String
        var steps: Int
        var commands: [String]
        var failures: [String]?
    }

    @Test(
        "the command says what is missing, makes it, and says nothing more; what is made elsewhere it leaves alone",
        .enabled(if: NoidaServer.program != nil, "\(PythonPackages.note)"))
    func commands() async throws {
        try await NoidaServer.with { server in
            try await Site.with { site in
                #expect(try await kafka(site, ["plan"]).status == 2)
                try await set(site, ["--bootstrap", server.bootstrap, "--replication", "1"])
                let plan = try await kafka(site, ["plan"])
                #expect(plan.status == 6, "\(plan.errors)")
                #expect(plan.output.contains(".pres: 1 partition on 1 server"))
                #expect(plan.output.contains("postern-tenant kafka apply"))
                let applied = try await kafka(site, ["apply"])
                #expect(applied.status == 0, "\(applied.errors)")
                #expect(applied.output.contains("4 steps done"))
                let again = try await kafka(site, ["plan", "--json"])
                let answer = try JSONDecoder().decode(Answer.self, from: Data(again.output.utf8))
                #expect(answer.commands.filter { $0.contains("--create") } == [])

                #expect(try await site.ctl(["groups", "create", "two"]).status == 0)
                try await set(site, ["--provision", "external"])
                let outside = try await kafka(site, ["plan"])
                #expect(outside.status == 6)
                #expect(outside.output.contains("kafka-topics.sh --bootstrap-server \(server.bootstrap)"))
                let refused = try await kafka(site, ["apply"])
                #expect(refused.status == 2 && refused.errors.contains("external"), "\(refused.errors)")

                try await set(site, ["--bootstrap", "127.0.0.1:\(try Loopback.freePort())"])
                let nobody = try await kafka(site, ["plan"])
                #expect(nobody.status == 7 && nobody.errors.contains("advertised.listeners"), "\(nobody.errors)")
            }
        }
    }

    @Test(
        "a group that is made while the tenant serves has its topic at once",
        .enabled(if: NoidaServer.program != nil, "\(PythonPackages.note)"))
    func serving() async throws {
        try await NoidaServer.with { server in
            try await Site.with { site in
                try await set(site, ["--bootstrap", server.bootstrap, "--replication", "1"])
                try await site.restartTenant([])
                let configuration = KafkaConfiguration(bootstrap: server.bootstrap, role: .dispatcher)
                try await looking(configuration) { topics in topics().filter { $0.contains(".req.") }.count == 1 }
                #expect(try await site.ctl(["groups", "create", "two"]).status == 0)
                try await looking(configuration) { topics in topics().filter { $0.contains(".req.") }.count == 2 }
            }
        }
    }

    @Test(
        "a connector gets its rules as it registers, and loses them all as it is revoked",
        .enabled(if: SecureKafka.given != nil, "\(SecureKafka.note)"))
    func revocation() async throws {
        let kafka = try #require(SecureKafka.given)
        let prefix = "e2e-\(UInt32.random(in: 0 ... .max))"
        try await Site.with { site in
            let password = try site.write(kafka.values["password"] ?? "", to: "kafka-password")
            try await set(
                site,
                [
                    "--bootstrap", kafka.bootstrap, "--replication", "1", "--topic-prefix", prefix, "--tls",
                    "--security", "scram-sha-512", "--kafka-user", kafka.values["user"] ?? "",
                    "--kafka-password-file", password, "--kafka-ca", kafka.values["ca"] ?? "",
                    "--connector-security", "oauthbearer", "--connector-tls",
                ])
            try await site.restartTenant([])
            let registered = try await site.register("one", try await site.invite())
            try #require(registered.status == 0, "\(registered.errors)")
            let principal = "User:\(try await site.connectorID(of: "one"))"
            let configuration = KafkaConfiguration(
                bootstrap: kafka.bootstrap, layout: KafkaLayout(prefix: prefix), role: .dispatcher,
                security: KafkaSecurity(
                    tls: .init(
                        authoritiesPEM: try kafka.values["ca"].map { try String(contentsOfFile: $0, encoding: .utf8) }),
                    login: .scram(
                        mechanism: "SCRAM-SHA-512", user: kafka.values["user"] ?? "",
                        password: kafka.values["password"] ?? "")))
            let admin = try KafkaAdmin(configuration: configuration, logger: .silent)
            func rules() async -> Set<KafkaRule> {
                let seen = try? await admin.look(at: configuration.layout)
                return seen?.rules?.filter { $0.principal == principal } ?? []
            }
            try await waitUntil("the connector has its rules", within: .seconds(20)) { await rules().count == 6 }
            #expect(try await site.ctl(["connectors", "revoke", "one"]).status == 0)
            let began = ContinuousClock.now
            try await waitUntil("it has none", within: .seconds(20)) { await rules().isEmpty }
            #expect(ContinuousClock.now - began < .seconds(3))
            await admin.close()
        }
    }

    // MARK: What the tests share

    private func kafka(_ site: Site, _ arguments: [String]) async throws -> Program.Result {
        try await Program.run(
            "postern-tenant", ["kafka"] + arguments + ["--state-dir", site.tenantFolder], in: site.folder)
    }

    private func set(_ site: Site, _ options: [String]) async throws {
        let done = try await kafka(site, ["set"] + options)
        try #require(done.status == 0, "\(done.errors)")
    }

    /// Waits until the topics are as they should be.
    private func looking(
        _ configuration: KafkaConfiguration, _ isThere: @escaping @Sendable (() -> [String]) -> Bool
    ) async throws {
        let admin = try KafkaAdmin(configuration: configuration, logger: .silent)
        try await waitUntil("the topics are there", within: .seconds(20)) {
            guard let seen = try? await admin.look(at: configuration.layout, withRules: false) else { return false }
            return isThere { Array(seen.topics.keys) }
        }
        await admin.close()
    }
}

extension Logger {
    /// Says nothing.
    fileprivate static var silent: Logger { Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() } }
}
