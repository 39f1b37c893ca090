import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The on-premise service of the tests: records every execution, and answers as its query says.
///
/// `hold=gate` waits until the gate opens, `hold=N` for N milliseconds; `size=N` answers with N bytes; `break=N` closes the
/// connection after N bytes of them; `status=N` answers with that status. A path that begins with `/via/NAME` says which
/// connector asks, and counts without that beginning.
final class RecordingService: Sendable {
    private struct State {
        var channel: (any Channel)?
        var executions: [String: [Execution]] = [:]
        var heads: [String: HTTPRequest] = [:]
        var running = 0
        var isGateOpen = false
        var atGate: [EventLoopPromise<Void>] = []
        var connections: [ObjectIdentifier: any Channel] = [:]
    }

    private let state = Mutex(State())

    var port: Int { state.withLock { $0.channel?.localAddress?.port ?? 0 } }
    /// How often each path was asked for.
    var executions: [String: Int] { state.withLock { $0.executions.mapValues(\.count) } }
    /// All that was done, by path.
    var records: [String: [Execution]] { state.withLock { $0.executions } }
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
        for promise in waiting { promise.succeed() }
    }

    /// Holds requests with `hold=gate` that come from now on.
    func closeGate() { state.withLock { $0.isGateOpen = false } }

    /// Forgets what was recorded so far, but not what runs.
    func forgetRecords() {
        state.withLock { state in
            state.executions = state.executions.compactMapValues { all in
                let open = all.filter { $0.ended == nil }
                return open.isEmpty ? nil : open
            }
            state.heads = [:]
        }
    }

    func start() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let self else { throw ChannelError.alreadyClosed }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(RecordingHandler(service: self))
                    self.adopt(channel)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        state.withLock { $0.channel = channel }
    }

    func stop() async {
        openGate()
        try? await state.withLock { $0.channel }?.close()
        for channel in state.withLock({ Array($0.connections.values) }) { channel.close(promise: nil) }
    }

    // MARK: The handlers' view

    /// Where an execution is recorded.
    struct Ticket {
        var path: String
        var index: Int
    }

    func begin(_ head: HTTPRequest, path: String, via connector: String?) -> Ticket {
        let key = HTTPField.Name("Idempotency-Key").flatMap { head.headerFields[$0] }
        return state.withLock { state in
            state.heads[path] = head
            state.running += 1
            let execution = Execution(method: head.method.rawValue, connector: connector, key: key, begun: .now)
            state.executions[path, default: []].append(execution)
            return Ticket(path: path, index: state.executions[path, default: []].count - 1)
        }
    }

    func end(_ ticket: Ticket, wasAbandoned: Bool) {
        state.withLock { state in
            state.running -= 1
            guard state.executions[ticket.path]?.indices.contains(ticket.index) == true else { return }
            state.executions[ticket.path]?[ticket.index].ended = .now
            state.executions[ticket.path]?[ticket.index].wasAbandoned = wasAbandoned
        }
    }

    func gate(on loop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        let isOpen = state.withLock { state in
            if !state.isGateOpen { state.atGate.append(promise) }
            return state.isGateOpen
        }
        if isOpen { promise.succeed() }
        return promise.futureResult
    }

    private func adopt(_ channel: any Channel) {
        state.withLock { $0.connections[ObjectIdentifier(channel)] = channel }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(channel)) }
        }
    }
}
