import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import Testing

@testable import EnrollmentService

@Suite struct WebhookTests {
    private func register(
        _ name: String, _ url: String = "https://example.com/results", of party: Stage.TenantAccess, on stage: Stage
    ) async throws -> Answer {
        try await stage.call(
            .post, APIPath.webhooks, bearer: party.administrator, message: WebhookRequest(name: name, url: url))
    }

    @Test func aWebhookTellsItsSecretOnceAndTheDispatcherFindsIt() async throws {
        let stage = try await Stage()
        let answer = try await register("orders", of: stage.acme, on: stage)
        let made = try answer.message(WebhookAnswer.self, status: 201)
        #expect(answer.headers[.location] == "/v1/webhooks/orders")
        let secret = try #require(made.secret)
        #expect(secret.hasPrefix("whsec_"))
        #expect(Data(base64Encoded: String(secret.dropFirst(6)))?.count == 32)

        let page = try await stage.call(.get, APIPath.webhooks, bearer: stage.acme.administrator)
        #expect(!page.text.contains("secret"))
        let listed = try page.message(Page<WebhookAnswer>.self).items
        #expect(
            listed == [WebhookAnswer(name: "orders", url: "https://example.com/results", createdAt: made.createdAt)])

        let tenant = stage.acme.tenant.reference.id
        let found = try #require(try await stage.service.webhooks.webhook(tenant: tenant, name: "orders"))
        #expect(found.url == "https://example.com/results")
        #expect(found.secret.reveal() == secret)
        #expect(!"\(found)".contains(secret))
        #expect(try await stage.service.webhooks.webhook(tenant: tenant, name: "other") == nil)
    }

    @Test func aWebhookOfAnotherTenantIsAnother() async throws {
        let stage = try await Stage()
        let mine = try await register("hook", of: stage.acme, on: stage).message(WebhookAnswer.self, status: 201)
        let foreign = stage.other.tenant.reference.id
        #expect(try await stage.service.webhooks.webhook(tenant: foreign, name: "hook") == nil)
        let path = "/v1/webhooks/hook"
        #expect(try await stage.call(.delete, path, bearer: stage.other.administrator).problem == .notFound)
        let theirs = try await register("hook", "https://theirs.example/", of: stage.other, on: stage)
            .message(WebhookAnswer.self, status: 201)
        #expect(theirs.secret != mine.secret)
        let found = try #require(
            try await stage.service.webhooks.webhook(tenant: stage.acme.tenant.reference.id, name: "hook"))
        #expect(found.url == mine.url)
    }

    @Test func aDeletedWebhookIsUnknownAtOnceAndComesBackWithAnotherSecret() async throws {
        let stage = try await Stage()
        let admin = stage.acme.administrator
        let first = try await register("hook", of: stage.acme, on: stage).message(WebhookAnswer.self, status: 201)
        #expect(try await register("hook", of: stage.acme, on: stage).problem == .alreadyExists)
        #expect(try await stage.call(.delete, "/v1/webhooks/hook", bearer: admin).status == 204)
        #expect(try await stage.call(.delete, "/v1/webhooks/hook", bearer: admin).problem == .notFound)
        let tenant = stage.acme.tenant.reference.id
        #expect(try await stage.service.webhooks.webhook(tenant: tenant, name: "hook") == nil)
        let second = try await register("hook", of: stage.acme, on: stage).message(WebhookAnswer.self, status: 201)
        #expect(first.secret != second.secret)
    }

    @Test func aTenantHasSixtyFourWebhooksAtMost() async throws {
        let stage = try await Stage()
        for number in 0..<64 {
            #expect(try await register("hook-\(number)", of: stage.acme, on: stage).status == 201)
        }
        #expect(try await register("one-more", of: stage.acme, on: stage).problem == .limitReached)
        #expect(try await register("theirs", of: stage.other, on: stage).status == 201)
        let path = "/v1/webhooks/hook-0"
        #expect(try await stage.call(.delete, path, bearer: stage.acme.administrator).status == 204)
        #expect(try await register("one-more", of: stage.acme, on: stage).status == 201)
    }

    @Test(arguments: [
        "https://example.com", "https://example.com:8443/a/b?c=d", "HTTPS://EXAMPLE.COM/", "https://10.0.0.1/hook",
        "https://[2001:db8::1]/", "http://127.0.0.1:8080/hook", "http://127.8.9.10/", "http://[::1]:9000/",
        "http://localhost:8080/",
    ])
    func anAddressThatNobodyElseCanReadIsTaken(url: String) async throws {
        let stage = try await Stage()
        let answer = try await register("hook", url, of: stage.acme, on: stage)
        #expect(answer.status == 201, "\(answer.text)")
    }

    @Test(arguments: [
        "", "example.com", "/hook", "https://", "https:///path", "http://example.com/", "http://10.0.0.1/",
        "http://127.0.0.1.example.com/", "http://127.1/", "http://127.0.0.256/", "http://localhost.example.com/",
        "http://[::2]/", "ftp://example.com/", "file:///etc/passwd", "https://user@example.com/",
        "https://user:secret@example.com/", "http://127.0.0.1@example.com/", "https://example.com/#part",
        "https://example.com/a b", "https://example.com/\r\nX: y", "https://exämple.com/", "https://example.com:0/",
        "https://example.com:65536/", "https://example.com/" + String(repeating: "a", count: 2048),
    ])
    func anyOtherAddressIsRefused(url: String) async throws {
        let stage = try await Stage()
        let answer = try await register("hook", url, of: stage.acme, on: stage)
        #expect(answer.problem == .malformedRequest, "\(answer.text)")
        #expect(!answer.text.contains("user:secret"))
    }

    @Test(arguments: ["", "Upper", "a b", "-a", "a/b", String(repeating: "a", count: 64)])
    func aNameIsOneOfAService(name: String) async throws {
        let stage = try await Stage()
        #expect(try await register(name, of: stage.acme, on: stage).problem == .malformedRequest)
    }
}
