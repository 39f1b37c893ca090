import Foundation
import Testing

/// What is on record of a tenant's life, and what is not: every act, and no secret.
@Suite("End to end: what the audit log says and keeps quiet", .serialized, .timeLimit(.minutes(5)))
struct AuditSecretsEndToEndTests {
    private struct Row: Decodable {
        struct Actor: Decodable { var kind: String, id: String, name: String }
        var actor: Actor
        var source: String
        var action: String
        var outcome: String
        var detail: [String: String]
    }

    @Test("acts, refusals, renewals and denials have rows with who, what and from where, and no secret is on any disk")
    func life() async throws {
        try await Site.with { site in
            var secrets = [try site.read("admin.key"), site.key]
            func make(_ arguments: [String]) async throws -> String {
                let made = try await site.ctl(arguments + ["--quiet"])
                #expect(made.status == 0, "\(arguments): \(made.errors)")
                secrets.append(made.output)
                return made.output.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            let enrollment = try await site.enroll()
            secrets += [enrollment.secret ?? "", enrollment.invitation ?? ""]
            #expect(try await site.register("one", enrollment.invitation ?? "").status == 0)
            #expect(try await site.register("late", enrollment.invitation ?? "").status == 7)
            try site.run("one")
            try await site.waitUntilOnline(1)
            _ = try await make(["apikeys", "create", "more"])
            _ = try await make(["webhooks", "create", "hook", "--url", "https://results.example/"])
            let auditor = try await make(["administrators", "create", "looker", "--role", "auditor"])
            #expect(try await site.http("POST", "/v1/groups", key: auditor, body: #"{"name":"x"}"#).status == 403)
            // What somebody mistypes, and what stands in a path that the policy denies, is nobody's business either.
            let (mistyped, inPath) = ("psa_mistyped0Marker0Of0Somebody", "Marker0In0A0Path")
            secrets += [mistyped, inPath]
            #expect(try await site.http("GET", "/v1/accounts", key: mistyped).status == 401)
            #expect(
                try await site.http("GET", "/v1/groups/site/services/app/closed/\(inPath)?token=\(inPath)").status
                    == 403)
            secrets.append(try String(contentsOfFile: site.state("one") + "/key.pem", encoding: .utf8))
            #expect(try await site.postern(["rotate"], of: "one").status == 0)
            secrets.append(try String(contentsOfFile: site.state("one") + "/key.pem", encoding: .utf8))
            for command in [["keys", "rotate"], ["ca", "rotate"], ["ca", "renew-tls"]] {
                let done = try await Program.run(
                    "postern-tenant", command + ["--state-dir", site.tenantFolder], in: site.folder)
                #expect(done.status == 0, "\(command): \(done.errors)")
            }
            let operated = try await Program.run(
                "postern-tenant",
                [
                    "administrators", "create", "default", "spare", "--state-dir", site.tenantFolder, "--admin-file",
                    site.path("spare.key"),
                ], in: site.folder)
            #expect(operated.status == 0, "\(operated.errors)")
            secrets.append(try site.read("spare.key"))
            #expect(try await site.ctl(["connectors", "freeze", "one", "--reason", "odd"]).status == 0)
            #expect(try await site.ctl(["connectors", "unfreeze", "one"]).status == 0)

            let rows = try await (site.ctl(["audit", "export"]).output).split(separator: "\n").map {
                try JSONDecoder().decode(Row.self, from: Data($0.utf8))
            }
            for (action, kind, outcome) in [
                ("installation.init", "operator", "done"), ("groups.create", "administrator", "done"),
                ("accounts.create", "administrator", "done"), ("enrollments.create", "administrator", "done"),
                ("apikeys.create", "administrator", "done"), ("webhooks.create", "administrator", "done"),
                ("administrators.create", "administrator", "done"), ("administrators.create", "operator", "done"),
                ("connectors.register", "enrollment", "done"), ("connectors.register", "enrollment", "refused"),
                ("connectors.renew", "connector", "done"), ("groups.create", "administrator", "refused"),
                ("connectors.freeze", "administrator", "done"), ("connectors.unfreeze", "administrator", "done"),
                ("keys.rotate", "operator", "done"), ("ca.rotate", "operator", "done"),
                ("ca.renew-tls", "operator", "done"),
            ] {
                let row = rows.first { $0.action == action && $0.actor.kind == kind && $0.outcome == outcome }
                #expect(row != nil, "no row \(action) by \(kind), \(outcome)")
                #expect(row?.actor.id.isEmpty == false, "\(action) does not say who")
                #expect(kind == "operator" || row?.source == "127.0.0.1", "\(action) does not say from where")
            }
            let strangers = try await Program.run(
                "postern-tenant", ["audit", "export", "installation", "--state-dir", site.tenantFolder], in: site.folder
            )
            #expect(strangers.output.contains("invalid-credentials"), "\(strangers.output)")
            for action in ["keys.rotate", "ca.rotate"] { #expect(strangers.output.contains(action)) }
            let denied = try await site.postern(["audit", "list", "--action", "policy"], of: "one").output
            #expect(denied.contains("path=/closed/*") && denied.contains("configuration="), "\(denied)")

            try expectNoSecret(of: secrets, inPath: String(inPath.suffix(inPath.count / 2)), site)
        }
    }

    /// Looks into every database and every log of both ends.
    private func expectNoSecret(of texts: [String], inPath: String, _ site: Site) throws {
        // Of a key in PEM its lines, of all others the last half, which is the secret's own.
        let marks = texts.flatMap { text -> [String] in
            let lines = text.split(whereSeparator: \.isNewline).map(String.init)
            guard lines.count > 1 else { return lines.map { String($0.suffix($0.count / 2)) } }
            return lines.filter { !$0.hasPrefix("-----") }
        }
        #expect(marks.count >= texts.count && marks.allSatisfy { $0.count >= 8 }, "\(marks.map(\.count))")
        let names = try FileManager.default.subpathsOfDirectory(atPath: site.folder.path)
        let files = names.filter { $0.contains(".sqlite") || $0.hasSuffix(".err") }
        #expect(files.contains("tenant/audit.sqlite") && files.contains("one/audit.sqlite") && files.count > 6)
        for file in files where !file.contains("curl-") {
            let bytes = try Data(contentsOf: site.folder.appendingPathComponent(file))
            for (index, mark) in marks.enumerated() {
                // What was asked for may stand in a log of the program, for a week or so; the audit is for ever.
                if file.hasSuffix(".err"), mark == inPath { continue }
                #expect(bytes.range(of: Data(mark.utf8)) == nil, "\(file) holds secret \(index)")
            }
        }
    }
}
