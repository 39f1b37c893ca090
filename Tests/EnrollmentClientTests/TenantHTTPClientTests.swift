import CertificateAuthority
import EnrollmentClient
import EnrollmentProtocol
import Foundation
import MachineIdentity
import HTTPProblems
import Testing

@Suite struct TenantHTTPClientTests {
    private let installation: TestInstallation

    init() throws { installation = try TestInstallation() }

    private func client(_ server: TestServer, callTimeout: Int = 30, longestAnswer: Int = 1 << 20) throws
        -> TenantHTTPClient
    {
        try TenantHTTPClient(
            .init(
                endpoint: TenantEndpoint("https://127.0.0.1:\(server.port)"),
                tls: ClientTLS(trust: .installation(rootPEM: CertificatePEM.encode([installation.root]))),
                callTimeout: callTimeout, longestAnswer: longestAnswer))
    }

    private func server(_ reply: TestServer.Reply) async throws -> TestServer {
        try await TestServer(chain: installation.chain, key: installation.serverKey) { _ in reply }
    }

    private func failure(_ server: TestServer, isRegistering: Bool) async throws -> EnrollmentClientError? {
        let http = try client(server)
        var failure: EnrollmentClientError?
        do {
            _ = try await (isRegistering ? EnrollmentCalls.registering(over: http) : .registered(over: http))
                .heartbeat(version: "1")
        } catch {
            failure = error
        }
        await http.shutdown()
        return failure
    }

    @Test(arguments: [
        (EnrollmentProblem.invalidCredentials, true, EnrollmentClientError.Code.secretRefused),
        (.enrollmentConsumed, true, .secretRefused), (.enrollmentExpired, true, .secretRefused),
        (.invalidCredentials, false, .rejected), (.certificateRevoked, false, .rejected),
        (.certificateExpired, false, .certificateEnded), (.connectorFrozen, false, .frozen),
        (.rateLimited, true, .unavailable), (.notReady, false, .unavailable), (.invalidCSR, true, .refused),
    ])
    func problemsBecomeTheFailureThatPeopleCanActOn(
        problem: EnrollmentProblem, isRegistering: Bool, expected: EnrollmentClientError.Code
    ) async throws {
        let details = ProblemDetails(
            code: problem.rawValue, title: problem.title, status: problem.status, detail: "It is so.",
            instance: "request-1", retryable: problem.isRetryable)
        let server = try await server(
            .init(status: problem.status, body: Array(try JSONEncoder().encode(details))))
        let failure = try #require(try await failure(server, isRegistering: isRegistering))
        #expect(failure.code == expected)
        #expect(failure.message == "It is so.")
        #expect(failure.advice.contains("request-1"))
        #expect(failure.isRetryable == problem.isRetryable)
        await server.stop()
    }

    @Test func anErrorPageOfAnotherProgramIsReportedByItsStatus() async throws {
        let server = try await server(.init(status: 502, body: Array("<html>Bad gateway".utf8)))
        let failure = try #require(try await failure(server, isRegistering: false))
        #expect(failure.code == .unavailable && failure.problem?.code == "http-502")
        await server.stop()
    }

    @Test func anAnswerOfAnotherShapeIsUnexpected() async throws {
        let server = try await server(.init(body: Array("{\"a\":1}".utf8)))
        #expect(try await failure(server, isRegistering: false)?.code == .unexpectedAnswer)
        await server.stop()
    }

    @Test func silenceTimesOut() async throws {
        let server = try await server(.init(isSilent: true))
        let http = try client(server, callTimeout: 1)
        await #expect(throws: EnrollmentClientError(.timedOut, "", advice: "")) {
            try await http.exchange("GET", "/")
        }
        await http.shutdown()
        await server.stop()
    }

    @Test func anAnswerBeyondTheLimitIsRefused() async throws {
        let server = try await server(.init(body: Array(repeating: 0x20, count: 5000)))
        let http = try client(server, longestAnswer: 4096)
        await #expect(throws: EnrollmentClientError(.unexpectedAnswer, "", advice: "")) {
            try await http.exchange("GET", "/")
        }
        #expect(try await http.exchange("GET", "/", longestAnswer: 5000).body.count == 5000)
        await http.shutdown()
        await server.stop()
    }

    @Test func theMachinesCertificateReachesTheServer() async throws {
        let key = MachineKey()
        let name = try MachineName(trustDomain: "example.org", tenant: "acme", account: "gw", connector: "one")
        let issued = try installation.authority.issueMachineCertificate(
            publicKey: key.publicKey, name: name, now: Date(), serial: .random())
        let beat = try EnrollmentJSON.encode(HeartbeatAnswer(serverTime: Date(), interval: 30))
        let server = try await TestServer(
            chain: installation.chain, key: installation.serverKey, clientRoot: installation.root
        ) { _ in .init(body: Array(beat)) }
        let http = try TenantHTTPClient(
            .init(
                endpoint: TenantEndpoint("https://localhost:\(server.port)"),
                tls: ClientTLS(
                    trust: .installation(rootPEM: CertificatePEM.encode([installation.root])),
                    certificates: [issued.der, installation.authority.intermediateCertificate], key: .memory(key))))
        #expect(try await EnrollmentCalls.registered(over: http).heartbeat(version: "1.0").interval == 30)
        #expect(server.received.first?.clientCertificate == issued.der)
        #expect(server.received.first?.body == "{\"version\":\"1.0\"}")
        await http.shutdown()
        await server.stop()
    }

    @Test func aMissingAuthorityFileIsNamed() {
        #expect(throws: EnrollmentClientError(.invalidAuthorityFile, "", advice: "")) {
            try ClientTLS(trust: .file(path: "/nowhere/ca.pem")).configuration()
        }
    }
}
