import Foundation
import HTTPProblems
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import RelayFormat
import TenantPort
import Testing

@testable import Dispatcher

@Suite struct AdministratorTests {
    private let tenant = TenantID.random()
    private var gate: AdministratorGate { AdministratorGate(authentication: TestAdministrators(tenant: tenant)) }

    private func request(_ credential: String?) -> Request {
        var headers = HTTPFields()
        if let credential { headers[.authorization] = "Bearer \(credential)" }
        return Request(
            head: HTTPRequest(
                method: .get, scheme: "https", authority: "localhost", path: "/v1/requests", headerFields: headers),
            body: RequestBody(buffer: ByteBuffer()))
    }

    private func status(_ credential: String?, _ act: AdministratorGate.Act) async throws -> Int {
        do {
            _ = try await gate.administrator(request(credential), for: act)
            return 200
        } catch let refusal as GateRefusal {
            return refusal.response.problem.status
        }
    }

    @Test("An administrator is found by the credential, with the tenant that it belongs to")
    func known() async throws {
        let found = try await gate.administrator(request("admin"), for: .changeRequests)
        #expect(found.tenant == tenant)
        #expect(found.name == "admin")
    }

    @Test("What an administrator may do is asked for each act")
    func rights() async throws {
        for act in [AdministratorGate.Act.seeConnectors, .readRequests, .changeRequests, .drainConnectors] {
            #expect(try await status("admin", act) == 200)
        }
        #expect(try await status("reader", .readRequests) == 200)
        #expect(try await status("reader", .seeConnectors) == 200)
        #expect(try await status("reader", .changeRequests) == 403)
        #expect(try await status("reader", .drainConnectors) == 403)
    }

    @Test("An application's key, an unknown credential and none at all administer nothing")
    func unknown() async throws {
        for credential in ["site-key", "nonsense", "", nil] {
            #expect(try await status(credential, .readRequests) == 401)
        }
    }

    @Test("Requests are seen and steered by administrators, as far as their rights go, and by those who may call")
    func requests() async throws {
        try await RoutesHarness().run { client, _ in
            let made = try await client.send("/v1/groups/site/services/echo/hello")
            #expect(made.status == .ok)
            let id = try #require(made.field("Postern-Request-Id"))
            for key in ["admin", "reader", "site-key"] {
                let list = try await client.send("/v1/requests", key: key)
                #expect(list.status == .ok)
                #expect(list.text.contains(id), "\(key) \(list.text)")
                #expect(try await client.send("/v1/requests/\(id)", key: key).status == .ok)
                #expect(try await client.send("/v1/requests/\(id)/why", key: key).text.contains(id))
            }
            for act in ["cancel", "redrive"] {
                let path = "/v1/requests/\(id)/\(act)"
                #expect(try await client.send(path, .post, key: "reader").status == .forbidden)
                // It has ended, so there is nothing to steer; but that much they are told.
                #expect(try await client.send(path, .post, key: "admin").status == .conflict)
                #expect(try await client.send(path, .post, key: "nonsense").status == .unauthorized)
                #expect(try await client.send(path, .post, key: "other-tenant").status == .notFound)
            }
            #expect(try await client.send("/v1/requests", key: "nonsense").status == .unauthorized)
        }
    }
}
