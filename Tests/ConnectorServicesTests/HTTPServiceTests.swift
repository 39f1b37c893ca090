import AsyncHTTPClient
import ConnectorServices
import Foundation
import NIOCore
import NIOPosix
import RelayFormat
import Testing

@Suite("An HTTP service on-premise", .serialized, .timeLimit(.minutes(1)))
struct HTTPServiceTests {
    private func ask(
        _ service: HTTPService, _ method: String = "GET", _ target: String = "/", headers: [HTTPHeaderField] = [],
        body: String = "", class requestClass: RequestClass? = nil, timeout: Duration = .seconds(10)
    ) async -> ResponseMessage.Outcome {
        let content = HTTPRequestContent(
            method: method, target: target, headers: headers, body: Array(body.utf8)[...])
        return await service.perform(
            .http(content), as: requestClass ?? .standard(forHTTPMethod: method), timeout: timeout)
    }

    @Test("method, target, header fields and body arrive as they were sent")
    func relays() async throws {
        try await TargetServer.run(base: "/base/", script: { _, _ in .ok("done", status: "201 Created") }) {
            server, service in
            let outcome = await ask(
                service, "POST", "/a%20b/c;x=1?q=%2F&r=1+2",
                headers: [.init("X-Case", "Kept"), .init("Accept", "a"), .init("Accept", "b"), .init("Cookie", "c=d")],
                body: "the body")
            let answer = try outcome.answer()
            #expect(answer.status == 201)
            #expect(answer.body == Array("done".utf8)[...])
            let request = try #require(server.received.first)
            #expect(request.hasPrefix("POST /base/a%20b/c;x=1?q=%2F&r=1+2 HTTP/1.1\r\n"))
            #expect(request.contains("\r\nX-Case: Kept\r\n"))
            #expect(request.contains("\r\nAccept: a\r\nAccept: b\r\n"))
            #expect(request.contains("\r\nCookie: c=d\r\n"))
            #expect(request.contains("\r\nContent-Length: 8\r\n") || request.contains("\r\ncontent-length: 8\r\n"))
            #expect(request.hasSuffix("\r\n\r\nthe body"))
        }
    }

    @Test(
        "a target goes out with the very bytes with which it came",
        arguments: [
            "/a%2fb", "/%41%7e", "/a//b", "/?", "/?a=b?c/d", "/a:b@c", "/a%2520b", "/x?a=%2F&b=+", "/a;b='(c)'!$*,~_-.",
            "/./a/../b",
        ])
    func rawTargets(target: String) async throws {
        try await TargetServer.run(script: { _, _ in .ok("") }) { server, service in
            _ = await ask(service, "GET", target)
            let request = try #require(server.received.first)
            #expect(request.hasPrefix("GET \(target) HTTP/1.1\r\n"))
        }
    }

    @Test(
        "only bytes that no URI may hold are encoded, and nothing is encoded twice",
        arguments: [
            ("/a%20b?q=%2F|x", "/a%20b?q=%2F%7Cx"), ("/a%20ü?x=%2F", "/a%20%C3%BC?x=%2F"), ("/x?y=100%", "/x?y=100%25"),
            ("/x?y=%zz%2", "/x?y=%25zz%252"), ("/x?a[]=%5B", "/x?a%5B%5D=%5B"),
            ("/x?j={\"a\":1}", "/x?j=%7B%22a%22:1%7D"),
            ("/x?p=a\\b%5C", "/x?p=a%5Cb%5C"), ("/x?c=^`<>%20", "/x?c=%5E%60%3C%3E%20"),
        ])
    func encodedTargets(target: String, sent: String) async throws {
        try await TargetServer.run(script: { _, _ in .ok("") }) { server, service in
            _ = await ask(service, "GET", target)
            let request = try #require(server.received.first)
            #expect(request.hasPrefix("GET \(sent) HTTP/1.1\r\n"))
        }
    }

    @Test("the target names its own host, and fields of the caller's connection stay behind")
    func hopByHopRequest() async throws {
        try await TargetServer.run(script: { _, _ in .ok("") }) { server, service in
            let headers: [HTTPHeaderField] = [
                .init("Host", "attacker.example"), .init("Connection", "keep-alive, X-Hop"), .init("X-Hop", "1"),
                .init("Transfer-Encoding", "chunked"), .init("Content-Length", "999"), .init("Upgrade", "websocket"),
                .init("Proxy-Authorization", "Basic eA=="), .init("TE", "trailers"), .init("X-Kept", "1"),
            ]
            _ = try await ask(service, "POST", "/", headers: headers, body: "12345").answer()
            let request = try #require(server.received.first).lowercased()
            #expect(request.contains("\r\nhost: 127.0.0.1"))
            #expect(request.contains("\r\nx-kept: 1\r\n"))
            #expect(request.contains("\r\ncontent-length: 5\r\n"))
            for name in ["attacker", "x-hop", "transfer-encoding", "upgrade", "proxy-authorization", "\r\nte:", "999"] {
                #expect(!request.contains(name), "\(name)")
            }
        }
    }

    @Test("fields of the target's connection stay behind, repeated fields stay apart")
    func hopByHopResponse() async throws {
        let headers =
            "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Kept: 1\r\n"
        try await TargetServer.run(script: { _, _ in .ok("x", headers: headers) }) { _, service in
            let answer = try await ask(service).answer()
            #expect(answer.headers.filter { $0.isNamed("set-cookie") }.map(\.value) == ["a=1", "b=2"])
            #expect(answer.headers.contains { $0.isNamed("x-kept") })
            #expect(!answer.headers.contains { $0.isNamed("x-hop") || $0.isNamed("connection") })
            #expect(!answer.headers.contains { $0.isNamed("keep-alive") })
        }
    }

    @Test(
        "a field that stands for another method or path than was judged is denied",
        arguments: ["X-HTTP-Method-Override", "x-http-method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"])
    func rewritingFields(name: String) async throws {
        try await TargetServer.run(script: { _, _ in .ok("") }) { _, service in
            func content(_ field: String) -> RequestMessage.Operation {
                .http(HTTPRequestContent(method: "GET", target: "/", headers: [.init(field, "DELETE")], body: []))
            }
            try service.authorize(content("X-Other"))
            #expect(throws: RequestFailure.self) { try service.authorize(content(name)) }
        }
    }

    @Test("a chunked answer arrives whole, without its framing")
    func chunked() async throws {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        try await TargetServer.run(script: { _, _ in .say(text) }) { _, service in
            let answer = try await ask(service).answer()
            #expect(answer.body == Array("abcde".utf8)[...])
            #expect(!answer.headers.contains { $0.isNamed("transfer-encoding") })
        }
    }

    @Test(
        "a redirect is an answer, and is not followed", arguments: ["301 Moved", "302 Found", "307 Again", "308 There"])
    func redirects(status: String) async throws {
        let location = "Location: http://127.0.0.1:1/elsewhere\r\n"
        try await TargetServer.run(script: { _, _ in .ok("", status: status, headers: location) }) { server, service in
            let answer = try await ask(service, "GET", "/start").answer()
            #expect((300..<400).contains(answer.status))
            #expect(answer.headers.contains { $0.isNamed("location") })
            #expect(server.received.count == 1)
        }
    }

    @Test("a packed body stays packed")
    func encoding() async throws {
        try await TargetServer.run(script: { _, _ in .ok("packed", headers: "Content-Encoding: gzip\r\n") }) {
            server, service in
            let answer = try await ask(service).answer()
            #expect(answer.body == Array("packed".utf8)[...])
            #expect(answer.headers.contains { $0.isNamed("content-encoding") })
            #expect(server.received.first?.lowercased().contains("accept-encoding") == false)
        }
    }

    @Test("HEAD and 204 have no body, and keep what their fields say")
    func noBody() async throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
        try await TargetServer.run(script: { _, number in
            number == 1 ? .say(head) : .say("HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n")
        }) { server, service in
            let answer = try await ask(service, "HEAD").answer()
            #expect(answer.body.isEmpty)
            #expect(answer.headers.contains(HTTPHeaderField("Content-Length", "1234")))
            let none = try await ask(service, "DELETE").answer()
            #expect(none.status == 204)
            #expect(none.body.isEmpty)
            #expect(server.received.count == 2)
        }
    }

    @Test("an interim answer is not the answer")
    func interim() async throws {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        try await TargetServer.run(script: { _, _ in .say(text) }) { _, service in
            let answer = try await ask(service, "POST", "/", headers: [.init("Expect", "100-continue")], body: "x")
                .answer()
            #expect(answer.status == 200)
            #expect(answer.body == Array("ok".utf8)[...])
        }
    }

    // MARK: What goes wrong

    @Test("a target that is down is unreachable, at once, and nothing has run")
    func down() async throws {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(channel.localAddress?.port)
        try await channel.close()
        let client = HTTPService.makeClient()
        let url = try #require(URL(string: "http://127.0.0.1:\(port)"))
        let service = HTTPService(.init(target: url, policy: HTTPAccessPolicy(rules: [])), client: client)
        let begun = ContinuousClock.now
        let failure = await ask(service).failure
        try await client.shutdown()
        #expect(failure?.code == .targetUnreachable)
        #expect(ContinuousClock.now - begun < .seconds(4))
    }

    @Test(
        "a target that has not answered at the deadline leaves the outcome unknown, unless the request is safe",
        arguments: [("GET", RequestFailure.Code.deadlineExceeded), ("POST", .outcomeUnknown)])
    func hanging(method: String, code: RequestFailure.Code) async throws {
        try await TargetServer.run(timeout: .seconds(30), script: { _, _ in .hang }) { _, service in
            let begun = ContinuousClock.now
            #expect(await ask(service, method, timeout: .milliseconds(300)).failure?.code == code)
            #expect(ContinuousClock.now - begun < .seconds(10))
        }
    }

    @Test("a request that is cancelled ends its connection to the target at once", arguments: ["/silent", "/halfway"])
    func cancelled(target: String) async throws {
        let halfway = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"
        try await TargetServer.run(script: { request, _ in request.contains("/halfway") ? .say(halfway) : .hang }) {
            server, service in
            var events = server.events.stream.makeAsyncIterator()
            // Owned by this test, which cancels it and waits for it.
            let asking = Task { await ask(service, "POST", target, timeout: .seconds(30)) }
            #expect(await events.next() == .requested)
            let cancelled = ContinuousClock.now
            asking.cancel()
            #expect(await events.next() == .closed)
            #expect(await asking.value.failure != nil)
            #expect(ContinuousClock.now - cancelled < .seconds(5))
        }
    }

    @Test("the service's own time limit holds, however long the caller would wait")
    func ownTimeout() async throws {
        try await TargetServer.run(timeout: .milliseconds(300), script: { _, _ in .hang }) { _, service in
            let begun = ContinuousClock.now
            #expect(await ask(service, timeout: .seconds(30)).failure?.code == .outcomeUnknown)
            #expect(ContinuousClock.now - begun < .seconds(10))
        }
    }

    @Test("a target that stops in the middle of its answer does not hold the request beyond its time")
    func hangingBody() async throws {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
        try await TargetServer.run(timeout: .seconds(1), script: { _, _ in .say(text) }) { _, service in
            let begun = ContinuousClock.now
            let deadline = Duration.milliseconds(300)
            #expect(await ask(service, class: .safe, timeout: deadline).failure?.code == .deadlineExceeded)
            #expect(await ask(service, class: .keyed, timeout: deadline).failure?.code == .targetFailed)
            #expect(await ask(service, class: .safe, timeout: .seconds(30)).failure?.code == .targetFailed)
            #expect(ContinuousClock.now - begun < .seconds(10))
        }
    }

    @Test(
        "an answer that is cut is a failure, never half an answer",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ])
    func cut(text: String) async throws {
        try await TargetServer.run(script: { _, _ in .sayAndClose(text) }) { _, service in
            #expect(await ask(service).failure?.code == .targetFailed)
        }
    }

    @Test("an answer without a length ends with its connection")
    func untilClose() async throws {
        try await TargetServer.run(script: { _, _ in .sayAndClose("HTTP/1.1 200 OK\r\n\r\nall of it") }) {
            _, service in
            #expect(await ask(service).body == "all of it")
        }
    }

    @Test(
        "what is no HTTP leaves the outcome unknown",
        arguments: [
            "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 abc\r\n\r\n", "\0\0\0\0", "HTTP/1.1 200 OK\r\nBad Header\r\n\r\n",
        ])
    func garbage(text: String) async throws {
        try await TargetServer.run(script: { _, _ in .sayAndClose(text) }) { _, service in
            #expect(await ask(service, "POST").failure?.code == .outcomeUnknown)
        }
    }

    @Test("a body of 256 KiB passes and one byte more does not")
    func largeBody() async throws {
        let full = String(repeating: "x", count: RelayLimits.inlineBody)
        try await TargetServer.run(script: { _, number in .ok(number == 1 ? full : full + "y") }) { _, service in
            #expect(await ask(service).body == full)
            #expect(await ask(service).failure?.code == .responseTooLarge)
        }
    }

    @Test("header fields beyond the limit are too large")
    func largeHeaders() async throws {
        let headers = (0..<40).map { "X-\($0): \(String(repeating: "v", count: 1000))\r\n" }.joined()
        try await TargetServer.run(script: { _, _ in .ok("", headers: headers) }) { _, service in
            #expect(await ask(service).failure?.code == .responseTooLarge)
        }
    }

    @Test("a kept connection that ends just as it is used again fails no safe request")
    func staleConnection() async throws {
        try await TargetServer.run(script: { _, number in number == 2 ? .close : .ok("\(number)") }) {
            server, service in
            #expect(await ask(service).body == "1")
            #expect(await ask(service).body == "3")
            #expect(server.received.count == 3)
        }
    }

    @Test("a request that is not safe is never sent a second time")
    func noSecondPost() async throws {
        try await TargetServer.run(script: { _, number in number == 2 ? .close : .ok("\(number)") }) {
            server, service in
            _ = try await ask(service, "POST").answer()
            #expect(await ask(service, "POST").failure?.code == .outcomeUnknown)
            #expect(server.received.count == 2)
        }
    }

    @Test("a GET that its caller allows once is never sent a second time")
    func noSecondGetOnce() async throws {
        try await TargetServer.run(script: { _, number in number == 2 ? .close : .ok("\(number)") }) {
            server, service in
            _ = try await ask(service, class: .once).answer()
            #expect(await ask(service, class: .once).failure?.code == .outcomeUnknown)
            #expect(server.received.count == 2)
        }
    }

    @Test("forty requests at a time do not wait for one another")
    func parallel() async throws {
        try await TargetServer.run(script: { request, _ in request.contains("/slow") ? .hang : .ok("x") }) {
            _, service in
            await withTaskGroup(of: RequestFailure.Code?.self) { group in
                for _ in 0..<40 {
                    group.addTask { await ask(service, "GET", "/slow", timeout: .seconds(3)).failure?.code }
                }
                group.addTask { await ask(service, "GET", "/fast", timeout: .seconds(10)).failure?.code }
                var codes: [RequestFailure.Code?] = []
                for await code in group { codes.append(code) }
                #expect(codes.first == .some(nil), "the fast one had to wait for a slow one")
                #expect(codes.count == 41)
            }
        }
    }

    @Test("what the policy does not allow is denied before anything is sent")
    func policy() async throws {
        let client = HTTPService.makeClient()
        let url = try #require(URL(string: "http://127.0.0.1:1"))
        let rule = try HTTPAccessPolicy.Rule(methods: ["GET"], paths: [#require(PathPattern("/status"))])
        let service = HTTPService(.init(target: url, policy: HTTPAccessPolicy(rules: [rule])), client: client)
        func judge(_ method: String, _ target: String) throws {
            try service.authorize(.http(.init(method: method, target: target, headers: [], body: [])))
        }
        try judge("GET", "/status?x=1")
        #expect(throws: RequestFailure.self) { try judge("POST", "/status") }
        #expect(throws: RequestFailure.self) { try judge("GET", "/other") }
        #expect(service.kind == "http")
        try await client.shutdown()
    }
}

extension ResponseMessage.Outcome {
    /// The service's answer.
    func answer() throws -> HTTPResponseContent {
        switch self {
        case .http(let content): return content
        case .failed(let failure): throw failure
        }
    }

    /// The body of the service's answer.
    var body: String? {
        guard case .http(let content) = self else { return nil }
        return String(decoding: content.body, as: UTF8.self)
    }

    var failure: RequestFailure? {
        guard case .failed(let failure) = self else { return nil }
        return failure
    }
}
