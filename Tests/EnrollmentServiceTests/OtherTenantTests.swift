import EnrollmentProtocol
import Foundation
import HTTPTypes
import Testing

@testable import EnrollmentService

/// Every endpoint, tried with every kind of credential that another tenant has.
@Suite struct OtherTenantTests {

    @Test func noEndpointShowsOrChangesWhatBelongsToAnotherTenant() async throws {
        let stage = try await Stage()
        let machine = try await stage.register("precious-gw", of: stage.acme)
        let invitation = try await stage.invite("precious-gw", of: stage.acme)
        let admin = stage.acme.administrator
        let key = try await stage.call(
            .post, APIPath.apiKeys, bearer: admin, message: APIKeyRequest(name: "precious-app")
        ).message(APIKeyAnswer.self, status: 201)
        _ = try await stage.call(.post, APIPath.groups, bearer: admin, message: GroupRequest(name: "precious-group"))
        let webhook = try await stage.call(
            .post, APIPath.webhooks, bearer: admin,
            message: WebhookRequest(name: "precious-hook", url: "https://precious.example/results")
        ).message(WebhookAnswer.self, status: 201)
        let colleague = try await stage.call(
            .post, APIPath.administrators, bearer: admin, message: AdministratorRequest(name: "precious-admin")
        ).message(AdministratorAnswer.self, status: 201)
        let waiting = try await stage.registerPending("precious-gw", of: stage.acme)
        let secrets = [
            machine.id, invitation.id, key.id, waiting.answer.id, waiting.answer.keyWords, colleague.id, "precious",
            stage.acme.tenant.id, try #require(webhook.secret),
        ]
        let group = try #require(try await stage.groups(of: machine).first).id
        try await stage.handInKeys(machine, of: stage.acme)
        await stage.cutEpochs()
        let before = try await snapshot(stage)

        for route in stage.service.routes().routes {
            for id in [machine.id, invitation.id, key.id, waiting.answer.id, colleague.id] {
                let path = route.path.replacing("{account}", with: "precious-gw")
                    .replacing("{group}", with: route.path == APIPath.currentEpoch ? group : "precious-group")
                    .replacing("{name}", with: "precious-hook")
                    .replacing("{id}", with: id)
                for (bearer, certificate) in try await foreignCredentials(stage) {
                    for body in bodies(of: route) {
                        let answer = try await stage.call(
                            route.method, path, bearer: bearer, certificate: certificate, body: body)
                        if route.path.contains("{") {
                            #expect(
                                [400, 401, 403, 404].contains(answer.status), "\(route.method) \(path) \(answer.text)")
                        }
                        guard ![APIPath.description, APIPath.revocationList].contains(route.path) else { continue }
                        // What the caller itself sent may come back in the text of a refusal.
                        var said = answer.text
                        // The caller's own log says what the caller has tried.
                        if route.path == APIPath.audit { said.replace(/"subject":"[^"]*"/, with: "") }
                        said = said.replacing("“\(id)”", with: "").replacing("“precious-gw”", with: "")
                            .replacing("“precious-group”", with: "").replacing("“\(group)”", with: "").replacing(
                                "“precious-hook”", with: "")
                        for secret in secrets {
                            #expect(!said.contains(secret), "\(route.method) \(path) \(answer.text)")
                        }
                    }
                }
                guard route.path.contains("{id}") else { break }
            }
        }
        #expect(try await snapshot(stage) == before)
        #expect(try await stage.call(.get, APIPath.ownState, certificate: machine.certificate).status == 200)
    }

    @Test func everyEndpointNeedsACredentialButThoseThatSayWhomToTrust() async throws {
        let stage = try await Stage()
        // An access token is asked for with a signed assertion in the body; `AssertionTests` try that.
        let open = [
            APIPath.description, APIPath.authority, APIPath.keySet, APIPath.estAuthorities, APIPath.estAttributes,
            APIPath.accessTokens, APIPath.revocationList,
        ]
        for route in stage.service.routes().routes where !open.contains(route.path) {
            let path = route.path.replacing("{account}", with: "a").replacing("{group}", with: "a")
                .replacing("{name}", with: "a").replacing("{id}", with: "a")
            let answer = try await stage.call(route.method, path, body: route.method == .post ? "{}" : nil)
            #expect(answer.status == 401, "\(route.method) \(path)")
            #expect(answer.headers[.wwwAuthenticate] != nil)
        }
    }

    /// All kinds of credentials, fresh ones each time, since some calls use them up.
    private func foreignCredentials(_ stage: Stage) async throws -> [(String?, [UInt8]?)] {
        let admin = stage.other.administrator
        let robot = try await stage.call(
            .post, APIPath.apiKeys, bearer: admin, message: APIKeyRequest(name: "r", scopes: [.admin, .call])
        ).message(APIKeyAnswer.self, status: 201).key
        let application = try await stage.call(
            .post, APIPath.apiKeys, bearer: admin, message: APIKeyRequest(name: "a")
        ).message(APIKeyAnswer.self, status: 201).key
        let secret = try await stage.invite("theirs", of: stage.other).secret
        let machine = try await stage.register("theirs", of: stage.other)
        let token = try await stage.accessToken(of: machine).accessToken
        return [
            (admin, nil), (robot, nil), (application, nil), (secret, nil), (nil, machine.certificate), (nil, nil),
            (token, nil),
            (admin, machine.certificate), (try await stage.keyAuthorityAssertion(of: stage.other), nil),
        ]
    }

    private func bodies(of route: RouteList.Route) -> [String?] {
        if route.path == APIPath.hpkeKeys { return ["{}", #"{"suite":1,"key":"AAAA","signature":"AAAA"}"#] }
        guard route.method == .post else { return [nil] }
        return [
            "{}", #"{"name":"their-hook","url":"https://other.example/"}"#,
            #"{"name":"new","groups":["precious-group"]}"#, #"{"reason":"mine now"}"#,
            #"{"boot_id":"\#(String(repeating: "a", count: 26))"}"#, #"{"csr":"","generation":1}"#,
        ]
    }

    /// All that the tenant's own administrator sees.
    private func snapshot(_ stage: Stage) async throws -> [String] {
        var seen: [String] = []
        for path in [
            APIPath.accounts, APIPath.enrollments, APIPath.connectors, APIPath.groups, APIPath.apiKeys,
            APIPath.webhooks, APIPath.pendingConnectors, APIPath.administrators,
        ] {
            seen.append(try await stage.call(.get, path, bearer: stage.acme.administrator).text)
        }
        return seen
    }
}
