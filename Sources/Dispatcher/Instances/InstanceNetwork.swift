public import BrokerCore
internal import HTTPTypes
public import Logging
public import RelayFormat
public import ServiceLifecycle
internal import Synchronization

/// The dispatchers side by side as one of them sees them, and its way to the others.
///
/// Each has a ledger of its own. What concerns a request goes to the instance that has it, and what comes under an
/// idempotency key to the instance where the key is at home, so that callers may ask any of them.
public final class InstanceNetwork: Service {
    /// For how long a ledger may keep a key: the longest deadline, and what follows a request that ended as unknown.
    public static let keyLife = Duration.seconds(16 * 86_400)
    /// How often the register is read when nothing asks for it.
    private static let interval = Duration.seconds(2)

    private struct State {
        var map: InstanceMap?
        /// The keys that are being decided on or worked at here, with how many requests of each.
        var held: [KeyDigest: Int] = [:]
    }

    let own: MemberID
    private let source: any InstanceSource
    private let transport: any InstanceTransport
    private let life: Duration
    private let clock: RelayClock
    private let logger: Logger
    private let state = Mutex(State())

    /// Makes a network that has not begun.
    ///
    /// - Parameters:
    ///   - own: the instance in this process.
    ///   - source: the register of all.
    ///   - transport: the way to the others; closed at the end.
    ///   - keyLife: for how long ledgers keep keys.
    public init(
        own: MemberID, source: any InstanceSource, transport: any InstanceTransport,
        keyLife: Duration = InstanceNetwork.keyLife, clock: RelayClock = .system, logger: Logger
    ) {
        self.own = own
        self.source = source
        self.transport = transport
        life = keyLife
        self.clock = clock
        self.logger = logger
    }

    /// Reads the register from time to time, until it is told to shut down.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { _ = try await self.refresh() } catch {
                    self.logger.warning(
                        "The register of dispatchers cannot be read", metadata: ["reason": "\(error)"])
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
        await transport.close()
    }

    /// Since when keys may have been used that still live.
    var oldestKey: RelayTime { clock.now + (.zero - life) }

    /// The instances as they were known last.
    func map() async throws -> InstanceMap {
        if let known = state.withLock({ $0.map }) { return known }
        return try await refresh()
    }

    /// Reads the register anew.
    func refresh() async throws -> InstanceMap {
        let map = InstanceMap(instances: try await source.instances())
        state.withLock { $0.map = map }
        return map
    }

    /// Decides on a key, and works at it if it is to be worked at here.
    ///
    /// Meanwhile the key is marked: whoever reads the register after this has looked at the map finds the mark.
    func deciding<Value>(
        on key: KeyDigest, _ body: (InstanceMap?) async throws -> Value
    ) async throws -> Value {
        let map = state.withLock { state in
            state.held[key, default: 0] += 1
            return state.map
        }
        defer {
            state.withLock { state in
                if let count = state.held[key] { state.held[key] = count > 1 ? count - 1 : nil }
            }
        }
        return try await body(map)
    }

    /// Whether a key is being decided on or worked at here.
    func isHeld(_ key: KeyDigest) -> Bool { state.withLock { $0.held[key] != nil } }

    /// Hands a request on to another instance; where it is reached may have changed since the register was read.
    func send(
        _ request: InstanceRequest, to instance: InstanceRecord, within limit: Duration
    ) async throws(InstanceUnreachable) -> InstanceAnswer {
        let reason: InstanceUnreachable
        if let address = instance.address {
            do { return try await transport.send(request, to: address, within: limit) } catch { reason = error }
        } else {
            reason = InstanceUnreachable("it has not said yet where it is reached")
        }
        if let now = try? await refresh().instances.first(where: { $0.id == instance.id })?.address,
            now != instance.address
        {
            return try await transport.send(request, to: now, within: limit)
        }
        logger.warning(
            "Dispatcher instance cannot be reached",
            metadata: [
                "instance": "\(instance.name)", "address": "\(instance.address ?? "-")", "reason": "\(reason.reason)",
            ])
        throw reason
    }
}
