import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy that stands in a network path and spoils it when told to; TLS passes through untouched.
///
/// It reads as fast as the other side takes, and holds at most `PathLane.limit` bytes a way and connection: its memory stays
/// flat whatever it is told to do.
public final class FaultProxy: Sendable {
    /// What was counted since the start.
    public struct Counters: Sendable, Equatable {
        /// Connections that were taken.
        public var connections = 0
        /// Connections that were reset for having been idle.
        public var idleCuts = 0
        /// Bytes that were lost.
        public var lostBytes = 0
        /// Bytes that arrived, both ways together.
        public var carriedBytes = 0
    }

    private struct State {
        var conditions = PathConditions()
        var counters = Counters()
        var target: Int
        var paths: [ObjectIdentifier: ProxiedConnection] = [:]
        var listener: (any Channel)?
    }

    private let state: Mutex<State>

    /// The port on the loopback interface that it listens on.
    public var port: Int { state.withLock { $0.listener?.localAddress?.port ?? 0 } }
    /// What was counted since the start.
    public var counters: Counters { state.withLock { $0.counters } }
    /// How many connections there are.
    public var connections: Int { state.withLock { $0.paths.count } }
    /// What the path does now.
    public var conditions: PathConditions { state.withLock { $0.conditions } }

    /// Begins to listen, in front of a port of this machine.
    public init(to target: Int) async throws {
        state = Mutex(State(target: target))
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // What a path delays waits at its sender, as on a real one, and not in megabytes of this machine's buffers.
            .serverChannelOption(.socketOption(.so_rcvbuf), value: 64 << 10)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { [weak self] front in
                front.eventLoop.makeCompletedFuture {
                    guard let self else { throw ChannelError.alreadyClosed }
                    try self.adopt(front)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        state.withLock { $0.listener = listener }
    }

    /// Changes what the path does, for the connections that are there and those that come.
    public func set(_ change: (inout PathConditions) -> Void) {
        let paths = state.withLock { state in
            change(&state.conditions)
            return Array(state.paths.values)
        }
        for path in paths { path.conditionsChanged() }
    }

    /// Loses every byte in both directions, from now on; connections stay, and new ones get nowhere.
    public func blackHole() {
        set {
            $0.toTenant.carriage = .loses
            $0.fromTenant.carriage = .loses
        }
    }

    /// Ends all faults; what was lost stays lost.
    public func heal() { set { $0 = PathConditions() } }

    /// Resets all connections.
    public func cut() async {
        for path in state.withLock({ Array($0.paths.values) }) { await path.reset() }
    }

    /// Closes the tenant's end of all connections and tells the other end nothing.
    public func loseTenantSide() async {
        for path in state.withLock({ Array($0.paths.values) }) { await path.loseTenantSide() }
    }

    /// Sends connections that come from now on to another port, as after a change of a name's address.
    public func retarget(to port: Int) { state.withLock { $0.target = port } }

    /// Stops listening and resets all connections.
    public func stop() async {
        try? await state.withLock { $0.listener }?.close()
        await cut()
    }

    // MARK: Connections

    private func adopt(_ front: any Channel) throws {
        let path = ProxiedConnection(front: front, target: state.withLock { $0.target }, proxy: self)
        try front.pipeline.syncOperations.addHandler(Door(path))
        state.withLock { state in
            state.counters.connections += 1
            state.paths[ObjectIdentifier(path)] = path
        }
        front.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLock { _ = $0.paths.removeValue(forKey: ObjectIdentifier(path)) }
        }
    }

    /// Waits until a connection is there in full.
    private final class Door: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let path: ProxiedConnection

        init(_ path: ProxiedConnection) { self.path = path }

        func channelActive(context: ChannelHandlerContext) {
            path.begin()
            context.fireChannelActive()
        }
    }

    func count(_ change: (inout Counters) -> Void) { state.withLock { change(&$0.counters) } }
}
