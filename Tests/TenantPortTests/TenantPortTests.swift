import NIOSSL
import HTTPProblems
import TestCertificates
import Testing

@testable import TenantPort

@Suite(.timeLimit(.minutes(1))) struct TenantPortTests {
    static let upgrade = """
        GET /v1/link HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n
        """

    static func get(_ path: String, _ fields: String = "", method: String = "GET") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
    }

    static let isProblem: @Sendable (String) -> Bool = { $0.contains("\"type\":") }

    @Test("Health and readiness are told apart")
    func health() async throws {
        let stage = try await PortStage(readiness: { .notReady("the registry is being migrated") })
        let healthy = try await RawClient(stage).talk(Self.get("/healthz")) { $0.contains("ok") }
        #expect(healthy.hasPrefix("HTTP/1.1 200 OK\r\n"))
        let ready = try await RawClient(stage).talk(Self.get("/readyz"), until: Self.isProblem)
        #expect(ready.hasPrefix("HTTP/1.1 503 "))
        #expect(ready.lowercased().contains("retry-after: 1"))
        #expect(ready.contains("the registry is being migrated"))
        await stage.stop()
    }

    @Test("A wrong path, a wrong method and an inner error are problems with a request id, and tell nothing else")
    func problems() async throws {
        let stage = try await PortStage()
        let cases = [
            (Self.get("/nowhere"), 404, "not-found"), (Self.get("/echo"), 405, "method-not-allowed"),
            (Self.get("/secret"), 500, "internal-error"), (Self.get("/v1/link"), 426, "upgrade-required"),
        ]
        for (request, status, code) in cases {
            let answer = try await RawClient(stage).talk(request, until: Self.isProblem)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
            #expect(answer.contains("urn:postern:problem:\(code)"))
            #expect(answer.lowercased().contains("content-type: application/problem+json"))
            #expect(answer.lowercased().contains("postern-request-id: "))
            #expect(answer.contains("\"instance\":\""))
            #expect(!answer.contains("hunter2"))
        }
        let wrongMethod = try await RawClient(stage).talk(Self.get("/echo"), until: Self.isProblem)
        #expect(wrongMethod.lowercased().contains("allow: post, put\r\n"))
        await stage.stop()
    }

    @Test("An answer of a handler stays as it is, with a request id")
    func handlerAnswers() async throws {
        let stage = try await PortStage()
        let answer = try await RawClient(stage).talk(Self.get("/teapot")) { $0.hasSuffix("mine") }
        #expect(answer.hasPrefix("HTTP/1.1 404 "))
        #expect(!answer.contains("problem"))
        #expect(answer.lowercased().contains("postern-request-id: "))
        let head = try await RawClient(stage).talk(Self.get("/teapot", method: "HEAD")) { $0.hasSuffix("\r\n\r\n") }
        #expect(head.hasPrefix("HTTP/1.1 404 "))
        await stage.stop()
    }

    @Test("A body beyond the limit is refused, announced or not")
    func largeBodies() async throws {
        let stage = try await PortStage()
        let body = String(repeating: "a", count: 2000)
        let announced = try await RawClient(stage).talk(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n", until: Self.isProblem)
        #expect(announced.contains("payload-too-large"))
        #expect(announced.contains("1024"))
        let chunked = try await RawClient(stage).talk(
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n\(body)\r\n0\r\n\r\n",
            until: Self.isProblem)
        #expect(chunked.contains("payload-too-large"))
        let fitting = try await RawClient(stage).talk(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
        ) { $0.hasSuffix("hello") }
        #expect(fitting.hasPrefix("HTTP/1.1 200 OK\r\n"))
        await stage.stop()
    }

    @Test("A body that does not come in time is answered with 408, and the connection is closed")
    func slowBody() async throws {
        let stage = try await PortStage(adjust: { $0.bodyTimeout = .milliseconds(100) })
        let answer = try await RawClient(stage).talk(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe"
        ) { _ in false }
        #expect(answer.hasPrefix("HTTP/1.1 408 "))
        #expect(answer.contains("request-timeout"))
        await stage.stop()
    }

    @Test("A silent connection, a slow head and an idle connection are closed")
    func slowHeads() async throws {
        let stage = try await PortStage(adjust: {
            $0.firstRequestTimeout = .milliseconds(200)
            $0.idleTimeout = .milliseconds(200)
        })
        #expect(try await RawClient(stage).talk { _ in false } == "")
        #expect(try await RawClient(stage).talk("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ") { _ in false } == "")
        let idle = try await RawClient(stage).talk(
            Self.get("/healthz"), "GET /healthz HTTP/1.1\r\nHost: x\r\n"
        ) { _ in false }
        #expect(idle.count(of: "HTTP/1.1 200 OK") == 1)
        await stage.stop()
    }

    @Test("Garbage is answered with 400, as the first request and as a later one; so is an endless head")
    func garbage() async throws {
        let stage = try await PortStage()
        let first = try await RawClient(stage).talk("\u{1}\u{2} what\r\n\r\n") { _ in false }
        #expect(first.hasPrefix("HTTP/1.1 400 "))
        let later = try await RawClient(stage).talk(Self.get("/healthz"), "nonsense\r\n\r\n") { _ in false }
        #expect(later.contains("HTTP/1.1 200 OK"))
        #expect(later.contains("HTTP/1.1 400 "))
        let endless = try await RawClient(stage).talk(
            Self.get("/healthz", "X-Long: \(String(repeating: "a", count: 64 * 1024))\r\n")
        ) { _ in false }
        #expect(endless.hasPrefix("HTTP/1.1 4"))
        let healthy = try await RawClient(stage).talk(Self.get("/healthz")) { $0.contains("ok") }
        #expect(healthy.hasPrefix("HTTP/1.1 200 OK\r\n"))
        await stage.stop()
    }

    @Test("A WebSocket at its path is upgraded")
    func webSocket() async throws {
        let stage = try await PortStage()
        let answer = try await RawClient(stage).talk(Self.upgrade + "\r\n") { $0.contains("\r\n\r\n") }
        #expect(answer.hasPrefix("HTTP/1.1 101 "))
        #expect(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        await stage.stop()
    }

    @Test(
        "An upgrade that is incomplete, elsewhere or has a body is an ordinary request",
        arguments: [
            (upgrade.replacing("/v1/link", with: "/elsewhere") + "\r\n", "not-found"),
            (upgrade.replacing(": 13", with: ": 8") + "\r\n", "upgrade-required"),
            (upgrade.replacing("Sec-WebSocket-Key", with: "X-Key") + "\r\n", "upgrade-required"),
            (upgrade.replacing("websocket", with: "h2c") + "\r\n", "upgrade-required"),
            (upgrade + "Content-Length: 2\r\n\r\nhi", "upgrade-required"),
            (upgrade + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "upgrade-required"),
            (upgrade.replacing("GET", with: "POST") + "Content-Length: 2\r\n\r\nhi", "method-not-allowed"),
            (get("/healthz") + upgrade + "\r\n", "upgrade-required"),
        ])
    func refusedUpgrades(_ request: String, _ code: String) async throws {
        let stage = try await PortStage()
        let answer = try await RawClient(stage).talk(request, until: Self.isProblem)
        #expect(answer.contains("urn:postern:problem:\(code)"))
        await stage.stop()
    }

    @Test("A client's certificate reaches every request of its connection, whoever issued it")
    func clientCertificates() async throws {
        let stage = try await PortStage()
        let none = try await RawClient(stage).talk(Self.get("/certificate")) { $0.hasSuffix("none") }
        #expect(none.hasPrefix("HTTP/1.1 200 OK\r\n"))
        for issuer in [stage.authority, try TestAuthority("foreign")] {
            var tls = try issuer.clientTLS(certifiedAs: "gw-site-a")
            tls.trustRoots = try stage.authority.trust()
            let client = try await RawClient(stage, tls: tls)
            let answer = try await client.talk(Self.get("/certificate"), Self.get("/certificate")) {
                $0.count(of: "common_name=gw-site-a") == 2
            }
            #expect(answer.count(of: "HTTP/1.1 200 OK") == 2)
        }
        await stage.stop()
    }

    @Test(
        "TLS 1.1 is refused, 1.2 and 1.3 are taken",
        arguments: [(TLSVersion.tlsv11, false), (.tlsv12, true), (.tlsv13, true)])
    func versions(_ version: TLSVersion, _ isTaken: Bool) async throws {
        let stage = try await PortStage()
        var tls = try stage.authority.clientTLS()
        tls.minimumTLSVersion = version
        tls.maximumTLSVersion = version
        let answer = try? await RawClient(stage, tls: tls).talk(Self.get("/healthz")) { $0.contains("ok") }
        #expect((answer?.hasPrefix("HTTP/1.1 200 OK") ?? false) == isTaken)
        await stage.stop()
    }

    @Test("A shutdown leaves WebSockets open until the requests under way are answered")
    func shutdownKeepsLinks() async throws {
        let stage = try await PortStage()
        let (webSocket, client) = (try await RawClient(stage), try await RawClient(stage))
        let (opened, opening) = AsyncStream<Void>.makeStream()
        let ends = try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask {
                _ = try await webSocket.talk(Self.upgrade + "\r\n") { _ in
                    opening.yield()
                    return false
                }
                return "link"
            }
            for await _ in opened { break }
            group.addTask {
                let answer = try await client.talk("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n") { $0.contains("done") }
                return answer.contains("done") ? "answer" : "no answer"
            }
            try await Task.sleep(for: .milliseconds(200))
            await stage.stop()
            var ends: [String] = []
            for try await end in group { ends.append(end) }
            return ends
        }
        #expect(ends == ["answer", "link"])
    }

    @Test("A shutdown does not wait for silent, idle and upgraded connections")
    func shutdown() async throws {
        let stage = try await PortStage()
        let silent = try await RawClient(stage)
        let idle = try await RawClient(stage)
        let webSocket = try await RawClient(stage)
        let upgrade = Self.upgrade + "\r\n"
        let (settled, settling) = AsyncStream.makeStream(of: String.self)
        async let idleRead = idle.talk(Self.get("/healthz")) { read in
            if read.contains("ok") { settling.yield("idle") }
            return false
        }
        async let webSocketRead = webSocket.talk(upgrade) { read in
            if read.contains("101") { settling.yield("upgraded") }
            return false
        }
        async let silentRead = silent.talk { _ in false }
        // Only a connection that has its answer is idle.
        var ready: Set<String> = []
        for await name in settled {
            ready.insert(name)
            if ready.count == 2 { break }
        }
        _ = try await RawClient(stage).talk(Self.get("/healthz")) { $0.contains("ok") }
        let start = ContinuousClock.now
        await stage.stop()
        #expect(ContinuousClock.now - start < .seconds(2))
        _ = try? await (idleRead, webSocketRead, silentRead)
    }
}
