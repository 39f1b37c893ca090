import EnrollmentProtocol
import Foundation
import HTTPTypes
import Testing

@testable import EnrollmentService

@Suite struct AdministrationTests {
    @Test func anAdministratorAndAKeyWithTheScopeKnowWhoTheyAre() async throws {
        let stage = try await Stage()
        let admin = stage.acme.administrator
        let who = try await stage.call(.get, APIPath.whoAmI, bearer: admin).message(WhoAmIAnswer.self)
        #expect(who.kind == "administrator")
        #expect(who.tenant == stage.acme.tenant.reference)
        let key = try await stage.call(
            .post, APIPath.apiKeys, bearer: admin, message: APIKeyRequest(name: "robot", scopes: [.admin])
        ).message(APIKeyAnswer.self, status: 201)
        let robot = try await stage.call(.get, APIPath.whoAmI, bearer: key.key).message(WhoAmIAnswer.self)
        #expect(robot.kind == "api-key")
        #expect(robot.name == "robot")
    }

    @Test func aKeyWithoutTheScopeAdministersNothing() async throws {
        let stage = try await Stage()
        let key = try await stage.call(
            .post, APIPath.apiKeys, bearer: stage.acme.administrator, message: APIKeyRequest(name: "app")
        ).message(APIKeyAnswer.self, status: 201).key
        let secret = try await stage.invite(of: stage.acme).secret
        for bearer in [key, secret] {
            for path in [
                APIPath.whoAmI, APIPath.accounts, APIPath.connectors, APIPath.groups, APIPath.apiKeys, APIPath.webhooks,
            ] {
                #expect(try await stage.call(.get, path, bearer: bearer).problem == .notPermitted)
            }
        }
    }

    @Test func anExpiredKeyIsUnknown() async throws {
        let stage = try await Stage()
        let key = try await stage.call(
            .post, APIPath.apiKeys, bearer: stage.acme.administrator,
            message: APIKeyRequest(name: "robot", scopes: [.admin], expiresIn: 10)
        ).message(APIKeyAnswer.self, status: 201).key
        #expect(try await stage.call(.get, APIPath.whoAmI, bearer: key).status == 200)
        stage.advance(by: 10)
        #expect(try await stage.call(.get, APIPath.whoAmI, bearer: key).problem == .invalidCredentials)
    }

    @Test func accountsAndGroupsAreMadeListedAndDeleted() async throws {
        let stage = try await Stage()
        let admin = stage.acme.administrator
        try await stage.makeAccount("gw", group: "site", of: stage.acme)
        let account = try await stage.call(.get, "/v1/accounts/gw", bearer: admin).message(AccountAnswer.self)
        #expect(account.role == .connector)
        #expect(account.groups.map(\.name) == ["site"])
        #expect(
            try await stage.call(.post, APIPath.accounts, bearer: admin, body: #"{"name":"gw"}"#).problem
                == .alreadyExists)
        #expect(
            try await stage.call(.post, APIPath.groups, bearer: admin, body: #"{"name":"site"}"#).problem
                == .alreadyExists)
        #expect(try await stage.call(.delete, "/v1/groups/site", bearer: admin).problem == .inUse)
        #expect(try await stage.call(.delete, "/v1/accounts/gw", bearer: admin).status == 204)
        #expect(try await stage.call(.get, "/v1/accounts/gw", bearer: admin).problem == .notFound)
        #expect(try await stage.call(.delete, "/v1/groups/site", bearer: admin).status == 204)
        #expect(try await stage.call(.get, APIPath.groups, bearer: admin).message(Page<GroupAnswer>.self).items.isEmpty)
    }

    @Test func anAccountWithConnectorsStaysUntilTheyAreRevoked() async throws {
        let stage = try await Stage()
        let admin = stage.acme.administrator
        let machine = try await stage.register(of: stage.acme)
        #expect(try await stage.call(.delete, "/v1/accounts/gw", bearer: admin).problem == .inUse)
        let group = try await stage.call(.get, "/v1/groups/site", bearer: admin).message(GroupAnswer.self)
        #expect(group.activeConnectors == 1)
        _ = try await stage.call(.post, "/v1/connectors/\(machine.id)/revoke", bearer: admin)
        #expect(try await stage.call(.delete, "/v1/accounts/gw", bearer: admin).status == 204)
        let rest = try await stage.call(.get, "/v1/connectors/\(machine.id)", bearer: admin).message(
            ConnectorAnswer.self)
        #expect(rest.account == "gw")
        #expect(rest.groups.isEmpty)
    }

    @Test func aListComesInParts() async throws {
        let stage = try await Stage()
        let admin = stage.acme.administrator
        let names = (0..<7).map { "g\($0)" }
        for name in names {
            _ = try await stage.call(.post, APIPath.groups, bearer: admin, message: GroupRequest(name: name))
        }
        var found: [String] = []
        var next: String? = ""
        while let after = next {
            let page = try await stage.call(.get, "/v1/groups?limit=3&after=\(after)", bearer: admin)
                .message(Page<GroupAnswer>.self)
            #expect(page.items.count <= 3)
            found += page.items.map(\.name)
            next = page.next
        }
        #expect(found == names)
        for limit in ["0", "1001", "x", "-1"] {
            #expect(try await stage.call(.get, "/v1/groups?limit=\(limit)", bearer: admin).problem == .malformedRequest)
        }
    }

    @Test func presenceComesFromTheDispatcher() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        stage.service.seePresence { tenant in tenant.slug == "acme" ? [machine.id: "online"] : [:] }
        let page = try await stage.call(.get, APIPath.connectors, bearer: stage.acme.administrator)
            .message(Page<ConnectorAnswer>.self)
        #expect(page.items.map(\.presence) == ["online"])
    }

    @Test(arguments: [
        (APIPath.accounts, #"{"name":"Upper"}"#), (APIPath.accounts, #"{"name":""}"#),
        (APIPath.accounts, #"{"name":"a","role":"administrator"}"#), (APIPath.accounts, #"{"name":"a","right":1}"#),
        (APIPath.groups, #"{"name":"-a"}"#), (APIPath.groups, #"{"name":"a/b"}"#), (APIPath.groups, "{"),
        (APIPath.groups, "[]"), (APIPath.groups, ""), (APIPath.apiKeys, #"{"name":"a","scopes":[]}"#),
        (APIPath.apiKeys, #"{"name":"a","expires_in":0}"#), (APIPath.apiKeys, #"{"name":"a","services":["a b"]}"#),
        (APIPath.apiKeys, #"{"name":"a","expires_in":9999999999999999999999}"#),
    ])
    func whatCannotBeReadIsRefused(path: String, body: String) async throws {
        let stage = try await Stage()
        let answer = try await stage.call(.post, path, bearer: stage.acme.administrator, body: body)
        #expect(answer.problem == .malformedRequest, "\(answer.text)")
    }

    @Test func aBodyThatIsTooLargeOrNotJSONIsRefused() async throws {
        let stage = try await Stage()
        let admin = stage.acme.administrator
        let large = #"{"name":""# + String(repeating: "a", count: 64 * 1024) + #""}"#
        let answer = try await stage.call(.post, APIPath.groups, bearer: admin, body: large)
        #expect(answer.problem == .payloadTooLarge)
        for type in ["text/plain", "application/x-www-form-urlencoded", nil] {
            let answer = try await stage.call(.post, APIPath.groups, bearer: admin, body: #"{"name":"a"}"#, type: type)
            #expect(answer.problem == .unsupportedMediaType)
        }
        let charset = "Application/JSON; charset=utf-8"
        #expect(
            try await stage.call(.post, APIPath.groups, bearer: admin, body: #"{"name":"a"}"#, type: charset).status
                == 201)
    }

    @Test(arguments: [(0, 1), (86401, 1), (60, 0), (60, 101)])
    func anInvitationKeepsWithinItsLimits(expiresIn: Int, uses: Int) async throws {
        let stage = try await Stage()
        try await stage.makeAccount("gw", of: stage.acme)
        let answer = try await stage.call(
            .post, "/v1/accounts/gw/enrollments", bearer: stage.acme.administrator,
            message: InvitationRequest(expiresIn: expiresIn, uses: uses))
        #expect(answer.problem == .malformedRequest)
    }
}
