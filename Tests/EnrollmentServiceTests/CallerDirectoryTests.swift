import EnrollmentProtocol
import Foundation
import HTTPTypes
import IdentityStore
import Testing

@testable import EnrollmentService

@Suite struct CallerDirectoryTests {
    private func makeKey(_ stage: Stage, _ request: APIKeyRequest) async throws -> APIKeyAnswer {
        try await stage.call(.post, APIPath.apiKeys, bearer: stage.acme.administrator, message: request)
            .message(status: 201)
    }

    @Test func aKeyOpensTheGroupsAndServicesThatItNames() async throws {
        let stage = try await Stage()
        for group in ["one", "two"] { try await stage.makeAccount("gw-\(group)", group: group, of: stage.acme) }
        try await stage.makeAccount("gw", group: "foreign", of: stage.other)
        let confined = try await makeKey(stage, APIKeyRequest(name: "a", groups: ["one"], services: ["wiki"]))
        let open = try await makeKey(stage, APIKeyRequest(name: "b"))
        let first = try #require(try await stage.service.callers.caller(forKey: confined.key ?? ""))
        #expect(first.tenant == stage.acme.tenant.reference)
        #expect(first.keyID == confined.id)
        #expect(first.groups.map(\.name) == ["one"])
        #expect(first.group(named: "two") == nil)
        #expect(first.mayCall(service: "wiki"))
        #expect(!first.mayCall(service: "payroll"))
        let second = try #require(try await stage.service.callers.caller(forKey: open.key ?? ""))
        #expect(second.groups.map(\.name) == ["one", "two"])
        #expect(second.services == nil)
    }

    @Test func onlyKeysThatMayCallAreCallers() async throws {
        let stage = try await Stage()
        let robot = try await makeKey(stage, APIKeyRequest(name: "r", scopes: [.admin]))
        let secret = try await stage.invite(of: stage.acme).secret
        for key in [try #require(robot.key), try #require(secret), "", "psk_nonsense"] {
            #expect(try await stage.service.callers.caller(forKey: key) == nil)
        }
        #expect(try await stage.service.callers.caller(forKey: stage.acme.administrator) != nil)
    }

    @Test func aRevokedKeyIsUnknownAtOnce() async throws {
        let stage = try await Stage()
        let key = try await makeKey(stage, APIKeyRequest(name: "a"))
        let text = try #require(key.key)
        #expect(try await stage.service.callers.caller(forKey: text) != nil)
        let path = "/v1/apikeys/\(key.id)"
        #expect(try await stage.call(.delete, path, bearer: stage.acme.administrator).status == 204)
        #expect(try await stage.service.callers.caller(forKey: text) == nil)
    }

    @Test func anExpiredKeyIsUnknownAtOnce() async throws {
        let stage = try await Stage()
        let text = try #require(try await makeKey(stage, APIKeyRequest(name: "a", expiresIn: 5)).key)
        #expect(try await stage.service.callers.caller(forKey: text) != nil)
        stage.advance(by: 5)
        #expect(try await stage.service.callers.caller(forKey: text) == nil)
    }

    @Test func aKeyThatAnotherProcessRevokedIsUnknownWithinASecond() async throws {
        let stage = try await Stage()
        let key = try await makeKey(stage, APIKeyRequest(name: "a"))
        let text = try #require(key.key)
        #expect(try await stage.service.callers.caller(forKey: text) != nil)
        let elsewhere = try await Installation.open(StateFolder(path: stage.path))
        try await TenantScope(registry: elsewhere.registry, tenant: stage.acme.tenant).revokeAPIKey(key.id)
        let deadline = ContinuousClock.now + .seconds(1)
        var known = true
        while known, ContinuousClock.now < deadline {
            known = try await stage.service.callers.caller(forKey: text) != nil
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(!known)
    }

    @Test func aKnownKeyIsFoundTenThousandTimesInASecond() async throws {
        let stage = try await Stage()
        let text = try #require(try await makeKey(stage, APIKeyRequest(name: "a")).key)
        let start = ContinuousClock.now
        for _ in 0..<10_000 { _ = try await stage.service.callers.caller(forKey: text) }
        #expect(ContinuousClock.now - start < .seconds(2))
    }
}
