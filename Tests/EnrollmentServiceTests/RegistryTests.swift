import EnrollmentProtocol
import Foundation
import GRDB
import HTTPTypes
import IdentityStore
import Testing

@testable import EnrollmentService

@Suite struct RegistryTests {
    @Test func theRegistryIsForItsOwnerAloneAndDurable() async throws {
        let stage = try await Stage()
        for suffix in ["", "-wal", "-shm"] {
            let file = stage.path + "/registry.sqlite" + suffix
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(file)")
        }
        let synchronous = try await stage.installation.registry.database.writeWithoutTransaction {
            try Int.fetchOne($0, sql: "PRAGMA synchronous")
        }
        #expect(synchronous == 2)
    }

    @Test func everyTableNamesTheTenantOfItsRows() async throws {
        let stage = try await Stage()
        try await stage.installation.registry.database.read { database in
            let tables = try String.fetchAll(
                database, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
            #expect(tables.count > 10)
            // The keys of tokens are the installation's.
            // What belongs to the installation.
            let common = ["tenants", "grdb_migrations", "token_keys", "dispatcher_instances", "inbox_leases"]
            for table in tables where !common.contains(table) {
                #expect(try database.columns(in: table).contains { $0.name == "tenant_id" }, "\(table)")
            }
        }
    }

    @Test func aRowOfOneTenantCannotPointAtAnotherTenant() async throws {
        let stage = try await Stage()
        try await stage.makeAccount("gw", group: "site", of: stage.acme)
        try await stage.makeAccount("gw", group: "site", of: stage.other)
        let (acme, other) = (stage.acme.tenant.id, stage.other.tenant.id)
        await #expect(throws: DatabaseError.self) {
            try await stage.installation.registry.database.write { database in
                try database.execute(
                    sql: """
                        INSERT INTO account_groups (tenant_id, account_id, group_id)
                        SELECT ?1, accounts.id, groups.id FROM accounts, groups
                        WHERE accounts.tenant_id = ?1 AND groups.tenant_id = ?2
                        """,
                    arguments: [acme, other])
            }
        }
    }

    @Test func noSecretStandsInTheRegistry() async throws {
        let stage = try await Stage()
        let invitation = try await stage.invite(of: stage.acme)
        let key = try await stage.call(
            .post, APIPath.apiKeys, bearer: stage.acme.administrator, message: APIKeyRequest(name: "a")
        ).message(APIKeyAnswer.self, status: 201).key
        let secrets = [stage.acme.administrator, try #require(invitation.secret), try #require(key)]
        let hook = try await stage.call(
            .post, APIPath.webhooks, bearer: stage.acme.administrator,
            message: WebhookRequest(name: "a", url: "https://example.com/")
        ).message(WebhookAnswer.self, status: 201)
        let webhook = try #require(hook.secret)
        let signingKey = try #require(Data(base64Encoded: String(webhook.dropFirst(6))))
        for suffix in ["", "-wal"] {
            let content = try Data(contentsOf: URL(filePath: stage.path + "/registry.sqlite" + suffix))
            #expect(content.range(of: signingKey) == nil)
            #expect(content.range(of: Data(webhook.utf8)) == nil)
            for secret in secrets {
                let token = try SecretToken(secret)
                #expect(content.range(of: Data(token.bytes)) == nil)
                #expect(content.range(of: Data(secret.utf8)) == nil)
            }
        }
    }

    @Test func whatIsTakenIsRefusedByName() async throws {
        let stage = try await Stage()
        #expect(throws: EnrollmentServiceError(.alreadyExists, "")) {
            try stage.installation.createTenant(slug: "acme", name: "again", now: stage.now)
        }
        #expect(throws: EnrollmentServiceError(.alreadyExists, "")) {
            try stage.installation.registry.createAdministrator(named: "admin", of: stage.acme.tenant, at: stage.now)
        }
        #expect(try stage.installation.registry.tenants().map(\.slug) == ["acme", "other"])
        #expect(try stage.installation.registry.tenant(slug: "acme") == stage.acme.tenant)
    }

    @Test func anInstallationIsMadeOnceAndOpenedAgain() async throws {
        let stage = try await Stage()
        let folder = StateFolder(path: stage.path)
        let plan = Installation.Plan(
            hosts: ["localhost"], trustDomain: nil, publicURL: "https://localhost", ownTLS: nil)
        await #expect(throws: EnrollmentServiceError(.alreadyInitialized, "")) {
            _ = try await Installation.make(plan, in: folder, now: stage.now)
        }
        let again = try await Installation.open(folder)
        #expect(try again.authorityPin == stage.installation.authorityPin)
        #expect(try again.registry.tenants().count == 2)
    }
}
