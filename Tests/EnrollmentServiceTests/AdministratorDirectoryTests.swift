import EnrollmentProtocol
import Foundation
import HTTPTypes
import Testing

@testable import EnrollmentService

@Suite struct AdministratorDirectoryTests {
    private func makeKey(_ stage: Stage, _ request: APIKeyRequest) async throws -> APIKeyAnswer {
        try await stage.call(.post, APIPath.apiKeys, bearer: stage.acme.administrator, message: request)
            .message(status: 201)
    }

    @Test func anAdministratorIsFoundWithTenantAndRights() async throws {
        let stage = try await Stage()
        let directory = stage.service.administrators
        let found = try #require(try await directory.administrator(forCredential: stage.acme.administrator))
        #expect(found.tenant == stage.acme.tenant.reference)
        #expect(found.mayReadRequests && found.mayChangeRequests && found.mayDrainConnectors)
        let theirs = try #require(try await directory.administrator(forCredential: stage.other.administrator))
        #expect(theirs.tenant == stage.other.tenant.reference)
    }

    @Test func aKeyAdministersByItsScopeUntilItEnds() async throws {
        let stage = try await Stage()
        let key = try await makeKey(stage, APIKeyRequest(name: "robot", scopes: [.admin], expiresIn: 5))
        let text = try #require(key.key)
        let found = try #require(try await stage.service.administrators.administrator(forCredential: text))
        #expect(found.id == key.id)
        #expect(found.name == "robot")
        #expect(found.mayChangeRequests)
        stage.advance(by: 5)
        #expect(try await stage.service.administrators.administrator(forCredential: text) == nil)
    }

    @Test func whoDoesNotAdministerIsUnknown() async throws {
        let stage = try await Stage()
        let application = try #require(try await makeKey(stage, APIKeyRequest(name: "app")).key)
        let invitation = try #require(try await stage.invite(of: stage.acme).secret)
        for text in [application, invitation, "", "psa_nonsense"] {
            #expect(try await stage.service.administrators.administrator(forCredential: text) == nil)
        }
    }
}
