import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Synchronization

/// The on-premise service of the tests: records every execution and answers after as long as it is told to.
final class RecordingService: Sendable {
    private struct State {
        var port = 0
        var executions: [String: Int] = [:]
        var heads: [String: HTTPRequest] = [:]
        var running = 0
        var task: Task<Void, any Error>?
        var isGateOpen = false
        var atGate: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var port: Int { state.withLock { $0.port } }
    /// How often each path was asked for.
    var executions: [String: Int] { state.withLock { $0.executions } }
    /// The last head that came for each path, the query left out.
    var heads: [String: HTTPRequest] { state.withLock { $0.heads } }
    /// How many requests are being held.
    var running: Int { state.withLock { $0.running } }

    /// Lets all requests with `hold=gate` be answered, now and from now on.
    func openGate() {
        let waiting = state.withLock { state in
            state.isGateOpen = true
            defer { state.atGate = [] }
            return state.atGate
        }
        for continuation in waiting { continuation.resume() }
    }

    private func waitAtGate() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isGateOpen { state.atGate.append(continuation) }
                return state.isGateOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func start() async throws {
        let router = Router()
        let methods: [HTTPRequest.Method] = [.get, .post, .head]
        for method in methods {
            router.on("/**", method: method) { request, _ -> String in
                let path = request.uri.path
                self.state.withLock { state in
                    state.executions[path, default: 0] += 1
                    state.heads[path] = request.head
                    state.running += 1
                }
                defer { self.state.withLock { $0.running -= 1 } }
                switch request.uri.queryParameters["hold"] {
                case "gate": await self.waitAtGate()
                case let text?: try await Task.sleep(for: .milliseconds(Int(text) ?? 0))
                case nil: break
                }
                return "served \(path)"
            }
        }
        var logger = Logger(label: "recording-service")
        logger.logLevel = .critical
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in continuation.yield(channel.localAddress?.port ?? 0) }, logger: logger)
        // Owned by the service; ended by `stop`.
        let task = Task { try await application.run() }
        for await port in ports {
            state.withLock { state in
                state.port = port
                state.task = task
            }
            break
        }
    }

    func stop() async {
        openGate()
        state.withLock { $0.task }?.cancel()
    }
}
