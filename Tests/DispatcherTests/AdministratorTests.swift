import BrokerCore
import HTTPProblems
import HTTPTypes
import Hummingbird
import Logging
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
        } catch let problem as ProblemResponse {
            return problem.problem.status
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
}
