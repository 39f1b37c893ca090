import CertificateAuthority
import EnrollmentClient
import EnrollmentProtocol
import Foundation
import MachineIdentity
import NIOCore
import NIOPosix
import Testing

/// What happens before a secret is sent, and that it is not sent when something is wrong.
@Suite struct ServerExaminationTests {
    private static let secret = "pse_the-secret"
    private let installation: TestInstallation

    init() throws { installation = try TestInstallation() }

    private func server(
        chain: [[UInt8]]? = nil, key: MachineKey? = nil, authority: [UInt8]? = nil
    ) async throws -> TestServer {
        let authority = try authority ?? installation.authorityAnswer
        let nonce = try EnrollmentJSON.encode(NonceAnswer(nonce: "n", expiresAt: Date(timeIntervalSince1970: 0)))
        return try await TestServer(chain: chain ?? installation.chain, key: key ?? installation.serverKey) { request in
            request.path == APIPath.authority
                ? .init(body: authority)
                : request.path == APIPath.nonces ? .init(status: 201, body: Array(nonce)) : .init(status: 404)
        }
    }

    /// Does what `register` does up to the first use of the secret.
    private func fetchNonce(
        from server: TestServer, host: String = "127.0.0.1", proxies: ProxySettings = .none,
        authorityFile: String? = nil, expecting expectation: ServerExamination.Expectation? = nil
    ) async throws -> ServerExamination.Finding {
        let endpoint = try TenantEndpoint("https://\(host):\(server.port)")
        let finding = try await ServerExamination(
            endpoint: endpoint, proxies: proxies, authorityFile: authorityFile
        ).examine(expectation ?? installation.expectation)
        let http = try TenantHTTPClient(
            .init(
                endpoint: endpoint, tls: ClientTLS(trust: finding.trust), requiredIssuer: finding.issuerCertificate,
                proxies: proxies, bearer: Secret(Self.secret)))
        do {
            _ = try await EnrollmentCalls.registering(over: http).nonce()
        } catch {
            await http.shutdown()
            throw error
        }
        await http.shutdown()
        return finding
    }

    private func expectFailure(
        _ code: EnrollmentClientError.Code, saying words: String = "", at server: TestServer,
        _ call: () async throws -> Void
    ) async {
        do {
            try await call()
            Issue.record("no error was thrown")
        } catch let error as EnrollmentClientError {
            #expect(error.code == code, "\(error)")
            #expect(words.isEmpty || error.message.contains(words), "\(error)")
        } catch {
            Issue.record(error)
        }
        #expect(!server.hasSeen(Self.secret), "the secret was sent")
    }

    @Test(arguments: ["127.0.0.1", "localhost"]) func theRightServerGetsTheSecret(host: String) async throws {
        let server = try await server()
        let finding = try await fetchNonce(from: server, host: host)
        #expect(finding.trust == .installation(rootPEM: CertificatePEM.encode([installation.root])))
        #expect(finding.trustDomain == "example.org")
        #expect(server.received.map(\.path) == [APIPath.authority, APIPath.nonces])
        #expect(server.received[0].headers["authorization"] == nil)
        #expect(server.received[1].headers["authorization"] == "Bearer \(Self.secret)")
        await server.stop()
    }

    @Test func aServerThatSendsOnlyItsLeafIsRecognisedByTheInstallationsChain() async throws {
        let server = try await server(chain: [installation.server])
        let finding = try await ServerExamination(
            endpoint: TenantEndpoint("https://127.0.0.1:\(server.port)")
        ).examine(installation.expectation)
        #expect(try finding.issuerPin == installation.issuerPin)
        await server.stop()
    }

    @Test func anotherInstallationIsRefusedBeforeTheSecretIsSent() async throws {
        let server = try await server()
        let stranger = try TestInstallation()
        await expectFailure(.authorityPinMismatch, saying: try installation.rootPin.description, at: server) {
            _ = try await fetchNonce(
                from: server,
                expecting: .init(serverIssuer: installation.issuerPin, authority: stranger.rootPin))
        }
        await server.stop()
    }

    @Test func anInterceptorIsNamedBeforeTheSecretIsSent() async throws {
        let interceptor = try TestInstallation(trustDomain: "interceptor.example")
        let server = try await server(chain: interceptor.chain, key: interceptor.serverKey)
        await expectFailure(.issuerPinMismatch, saying: "interceptor.example", at: server) {
            _ = try await fetchNonce(from: server)
        }
        #expect(server.received.map(\.path) == [APIPath.authority])
        await server.stop()
    }

    @Test func anInterceptorThatAlsoShowsTheGenuineIssuerIsNotBelieved() async throws {
        let interceptor = try TestInstallation(trustDomain: "interceptor.example")
        for chain in [
            [interceptor.server, installation.authority.intermediateCertificate],
            [interceptor.server, installation.authority.intermediateCertificate, installation.root]
                + interceptor.chain.dropFirst(),
        ] {
            let server = try await server(chain: chain, key: interceptor.serverKey)
            await expectFailure(.issuerPinMismatch, saying: "interceptor.example", at: server) {
                _ = try await fetchNonce(from: server)
            }
            await server.stop()
        }
    }

    @Test func aServerThatOnlyNamesTheGenuineRootIsNotBelieved() async throws {
        let interceptor = try TestInstallation(trustDomain: "interceptor.example")
        let server = try await server(chain: interceptor.chain, key: interceptor.serverKey)
        // Without an issuer pin the trust rule alone must hold: the interceptor is not below the root.
        await expectFailure(.untrustedServer, at: server) {
            _ = try await fetchNonce(
                from: server, expecting: .init(serverIssuer: nil, authority: installation.rootPin))
        }
        await server.stop()
    }

    @Test func aCertificateForAnotherHostIsRefusedBeforeTheSecretIsSent() async throws {
        let elsewhere = try TestInstallation(hosts: ["elsewhere.example.org", "192.0.2.1"])
        let server = try await server(
            chain: elsewhere.chain, key: elsewhere.serverKey, authority: elsewhere.authorityAnswer)
        for host in ["127.0.0.1", "localhost"] {
            await expectFailure(.untrustedServer, at: server) {
                _ = try await fetchNonce(from: server, host: host, expecting: elsewhere.expectation)
            }
        }
        await server.stop()
    }

    @Test func anOperatorsOwnCertificateIsBelievedThroughTheFileAndThePin() async throws {
        let operators = try TestInstallation(trustDomain: "operator.example")
        let server = try await server(chain: operators.chain, key: operators.serverKey)
        let file = FileManager.default.temporaryDirectory.appending(path: "postern-ca-\(UUID().uuidString).pem")
        try Data(CertificatePEM.encode([operators.root]).utf8).write(to: file)
        let expectation = try ServerExamination.Expectation(
            serverIssuer: operators.issuerPin, authority: installation.rootPin)
        let finding = try await fetchNonce(from: server, authorityFile: file.path, expecting: expectation)
        #expect(finding.trust == .file(path: file.path))
        await server.stop()

        // Without the file the system does not know the operator's authority.
        let second = try await self.server(chain: operators.chain, key: operators.serverKey)
        await expectFailure(.untrustedServer, at: second) {
            _ = try await fetchNonce(from: second, expecting: expectation)
        }
        await second.stop()
        try FileManager.default.removeItem(at: file)
    }

    @Test func aServerThatChangesItsIssuerAfterTheExaminationGetsNothing() async throws {
        let other = try TestInstallation()
        let server = try await server()
        let http = try TenantHTTPClient(
            .init(
                endpoint: TenantEndpoint("https://127.0.0.1:\(server.port)"),
                tls: ClientTLS(trust: .installation(rootPEM: CertificatePEM.encode([installation.root]))),
                requiredIssuer: other.authority.intermediateCertificate, bearer: Secret(Self.secret)))
        await expectFailure(.issuerPinMismatch, at: server) {
            _ = try await EnrollmentCalls.registering(over: http).nonce()
        }
        #expect(server.received.isEmpty)
        await http.shutdown()
        await server.stop()
    }

    @Test func allOfItWorksThroughAProxyThatMakesTunnels() async throws {
        let server = try await server()
        let proxy = try await TunnelProxy(to: server.port)
        let proxies = try ProxySettings(httpsProxy: "http://me:word@127.0.0.1:\(proxy.port)", noProxy: "example.org")
        _ = try await fetchNonce(from: server, host: "localhost", proxies: proxies)
        #expect(proxy.requests.count == 2)
        #expect(proxy.requests.allSatisfy { $0.hasPrefix("CONNECT localhost:\(server.port) ") })
        #expect(proxy.requests.allSatisfy { $0.lowercased().contains("proxy-authorization: basic bwu6d29yza==") })
        #expect(!proxy.requests.joined().contains(Self.secret))
        await proxy.stop()
        await server.stop()
    }

    @Test func aProxyThatRefusesIsNamed() async throws {
        let server = try await server()
        let proxy = try await TunnelProxy(to: server.port, refuses: true)
        let proxies = try ProxySettings(httpsProxy: "127.0.0.1:\(proxy.port)", noProxy: nil)
        await expectFailure(.proxyRefused, saying: "127.0.0.1:\(proxy.port)", at: server) {
            _ = try await fetchNonce(from: server, host: "localhost", proxies: proxies)
        }
        await proxy.stop()
        await server.stop()
    }

    @Test func whatIsNoTenantIsCalledSo() async throws {
        for body in ["", "{}", "<html>", String(repeating: "x", count: 100_000)] {
            let server = try await server(authority: Array(body.utf8))
            await expectFailure(.unexpectedAnswer, at: server) {
                _ = try await fetchNonce(
                    from: server, expecting: .init(serverIssuer: nil, authority: installation.rootPin))
            }
            await server.stop()
        }
    }

    @Test func aClosedPortAndAnUnknownNameAreUnreachable() async throws {
        let server = try await server()
        await server.stop()
        await expectFailure(.unreachable, saying: "refused", at: server) { _ = try await fetchNonce(from: server) }
        await expectFailure(.unreachable, at: server) {
            _ = try await fetchNonce(from: server, host: "nowhere.invalid")
        }
    }

    @Test(arguments: [false, true])
    func aServerThatEndsInTheHandshakeIsUnreachableAndNotUntrusted(byReset: Bool) async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HangUp(byReset: byReset))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let endpoint = try TenantEndpoint("https://localhost:\(listener.localAddress?.port ?? 0)")
        let client = try TenantHTTPClient(.init(endpoint: endpoint, tls: ClientTLS(trust: .system)))
        let error = await #expect(throws: EnrollmentClientError.self) {
            _ = try await EnrollmentCalls.registered(over: client).heartbeat(version: "1")
        }
        #expect(error?.code == .unreachable, "\(String(describing: error))")
        await client.shutdown()
        try await listener.close()
    }

    /// Ends its connection when the first bytes have come.
    private final class HangUp: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let byReset: Bool

        init(byReset: Bool) { self.byReset = byReset }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let lingers = linger(l_onoff: 1, l_linger: 0)
            if byReset { _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(lingers) }
            context.close(promise: nil)
        }
    }
}
