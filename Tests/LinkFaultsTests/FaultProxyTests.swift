import LinkFaults
import NIOCore
import NIOPosix
import Testing

/// The proxy does to a connection what it says it does.
@Suite("The fault proxy", .serialized, .timeLimit(.minutes(1)))
struct FaultProxyTests {
    @Test("without a fault bytes pass both ways, and an end is passed on")
    func passes() async throws {
        try await withPath { _, client in
            try await client.send("hello")
            try await client.expect("hello")
            let large = String(repeating: "0123456789abcdef", count: 65_536)
            try await client.send(large)
            try await client.expect("hello" + large)
            client.finish()
            try await client.expectEnd()
        }
    }

    @Test("a delay holds bytes back for as long as it says, in its own direction")
    func delays() async throws {
        try await withPath { proxy, client in
            proxy.set { $0.fromTenant.delay = .milliseconds(150) }
            let begun = ContinuousClock.now
            try await client.send("hello")
            try await client.expect("hello")
            #expect(ContinuousClock.now - begun >= .milliseconds(150))
        }
    }

    @Test("a black hole loses what comes, keeps the connection, and lets new ones on only when it ends")
    func blackHole() async throws {
        try await withPath { proxy, client in
            try await client.send("first")
            try await client.expect("first")
            proxy.blackHole()
            try await client.send("lost")
            try await waitFor { proxy.counters.lostBytes == 4 }
            let other = try await Client.open(port: proxy.port)
            try await other.send("kept")
            #expect(!client.hasEnded && client.received == "first")
            proxy.heal()
            try await client.send("found")
            try await client.expect("firstfound")
            try await other.expect("kept")
            await other.close()
        }
    }

    @Test("half of a path can be lost, and half can wait")
    func halves() async throws {
        try await withPath { proxy, client in
            proxy.set { $0.fromTenant.carriage = .loses }
            try await client.send("answer lost")
            try await waitFor { proxy.counters.lostBytes == 11 }
            proxy.set { $0.fromTenant.carriage = .holds }
            try await client.send("held")
            try await waitFor { proxy.counters.carriedBytes == 15 }
            #expect(client.received.isEmpty)
            proxy.heal()
            try await client.expect("held")
        }
    }

    @Test("a cut ends connections, an idle one is cut after its time, and refused ones never begin")
    func cuts() async throws {
        try await withPath { proxy, client in
            try await client.send("hello")
            try await client.expect("hello")
            await proxy.cut()
            try await client.expectEnd()
            let idle = try await Client.open(port: proxy.port)
            proxy.set { $0.idleLimit = .milliseconds(200) }
            try await idle.expectEnd()
            #expect(proxy.counters.idleCuts == 1)
            proxy.set { $0.refuses = true }
            if let refused = try? await Client.open(port: proxy.port) { try await refused.expectEnd() }
            try await waitFor { proxy.connections == 0 }
        }
    }

    @Test("the tenant's end can go without a word to the other")
    func halfOpen() async throws {
        try await withPath { proxy, client in
            try await client.send("hello")
            try await client.expect("hello")
            await proxy.loseTenantSide()
            try await client.send("into nothing")
            try await waitFor { proxy.counters.lostBytes == 12 }
            #expect(!client.hasEnded)
        }
    }

    @Test("a turned bit is turned once")
    func flips() async throws {
        try await withPath { proxy, client in
            proxy.set { $0.toTenant.flipsBit = true }
            try await client.send("b")
            try await client.expect("c")
            try await client.send("b")
            try await client.expect("cb")
        }
    }

    @Test("what nobody reads is not kept: the sender is held back")
    func boundedMemory() async throws {
        try await withPath { proxy, client in
            proxy.set { $0.toTenant.carriage = .holds }
            let bytes = String(repeating: "x", count: 64 << 20)
            let sending = Task { try? await client.send(bytes) }
            try await Task.sleep(for: .milliseconds(500))
            #expect(proxy.counters.carriedBytes == 0)
            #expect(client.unsent > 32 << 20, "the proxy took \((64 << 20) - client.unsent) bytes")
            await proxy.cut()
            await sending.value
        }
    }

    private func withPath(_ body: (FaultProxy, Client) async throws -> Void) async throws {
        let echo = try await EchoServer()
        let proxy = try await FaultProxy(to: echo.port)
        let client = try await Client.open(port: proxy.port)
        let result: Result<Void, any Error>
        do { result = .success(try await body(proxy, client)) } catch { result = .failure(error) }
        await client.close()
        await proxy.stop()
        await echo.stop()
        try result.get()
    }
}

/// Waits until a condition holds, ten seconds at the most.
func waitFor(_ condition: () -> Bool, _ location: SourceLocation = #_sourceLocation) async throws {
    let end = ContinuousClock.now + .seconds(10)
    while !condition() {
        try #require(ContinuousClock.now < end, "waited in vain", sourceLocation: location)
        try await Task.sleep(for: .milliseconds(5))
    }
}
