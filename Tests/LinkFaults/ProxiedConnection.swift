import Glibc
import NIOCore
import NIOPosix

/// One connection through the proxy: the connector's end (front), the tenant's (back), and a lane each way.
///
// Everything that changes is changed on the event loop that both ends share.
final class ProxiedConnection: @unchecked Sendable {
    private let front: any Channel
    private let target: Int
    private weak var proxy: FaultProxy?
    private var back: (any Channel)?
    private var lanes: [PathLane] = []
    private var isOpen = false
    private var hasBegun = false
    private var hasLostBack = false
    private var lastMove = NIODeadline.now()
    private var watch: RepeatedTask?

    init(front: any Channel, target: Int, proxy: FaultProxy) {
        self.front = front
        self.target = target
        self.proxy = proxy
    }

    var conditions: PathConditions { proxy?.conditions ?? PathConditions() }

    /// Connects to the tenant, as soon as the path lets anything through.
    func begin() {
        guard !conditions.refuses else { return Self.reset(front) }
        isOpen = true
        let interval = TimeAmount.milliseconds(100)
        watch = front.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] _ in
            self?.look()
        }
        front.closeFuture.whenComplete { _ in self.frontClosed() }
        conditionsChanged()
    }

    /// Takes note of what the path does now.
    func conditionsChanged() {
        front.eventLoop.execute { [self] in
            if isOpen, !hasBegun, !conditions.isBlackHole { connect() }
            for lane in lanes { lane.flush() }
        }
    }

    /// Resets both ends.
    func reset() async {
        try? await front.eventLoop.submit { [self] in
            Self.reset(front)
            if let back { Self.reset(back) }
        }.get()
    }

    /// Closes the tenant's end alone; what comes from the other end is lost from now on.
    func loseTenantSide() async {
        try? await front.eventLoop.submit { [self] in
            hasLostBack = true
            if let back { Self.reset(back) }
        }.get()
    }

    // MARK: The lanes' view

    func moved(_ bytes: Int) {
        lastMove = .now()
        proxy?.count { $0.carriedBytes += bytes }
    }

    func lost(_ bytes: Int) { proxy?.count { $0.lostBytes += bytes } }

    /// Whether bytes to the tenant vanish since its end is gone.
    var losesAll: Bool { hasLostBack }

    func ended(_ channel: any Channel) {
        guard !(hasLostBack && channel === back) else { return }
        Self.reset(front)
        if let back { Self.reset(back) }
    }

    // MARK: Own

    private func connect() {
        hasBegun = true
        ClientBootstrap(group: front.eventLoop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: target)
            .whenComplete { [self] result in
                guard case .success(let back) = result, front.isActive else {
                    if case .success(let back) = result { Self.reset(back) }
                    return Self.reset(front)
                }
                self.back = back
                let out = PathLane(to: back, of: self) { $0.toTenant }
                let home = PathLane(to: front, of: self) { $0.fromTenant }
                lanes = [out, home]
                do {
                    try front.pipeline.syncOperations.addHandler(out)
                    try back.pipeline.syncOperations.addHandler(home)
                } catch {
                    return Self.reset(front)
                }
                front.read()
                back.read()
            }
    }

    private func frontClosed() {
        watch?.cancel()
        if let back { Self.reset(back) }
        lanes = []
    }

    private func look() {
        guard let limit = conditions.idleLimit, NIODeadline.now() - lastMove > TimeAmount(limit) else { return }
        proxy?.count { $0.idleCuts += 1 }
        Self.reset(front)
        if let back { Self.reset(back) }
    }

    private static func reset(_ channel: any Channel) {
        guard channel.isActive, let options = channel as? any SocketOptionProvider else {
            return channel.close(promise: nil)
        }
        options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
    }
}
