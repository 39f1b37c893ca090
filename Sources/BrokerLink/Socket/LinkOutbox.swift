internal import BrokerCore
internal import NIOCore
internal import NIOWebSocket
internal import Synchronization

/// What waits to be written to a link: all that gathers within one turn of the event loop leaves together.
final class LinkOutbox<Message: LinkMessage>: Sendable {
    private struct State: ~Copyable {
        var pending: [Message] = []
        /// The cost of what is pending and of what is written but has not left.
        var backlog = 0
        var isScheduled = false
        var isFinished = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// Above this backlog `room` waits.
    private static var highWater: Int { 2 << 20 }

    private let channel: any Channel
    private let isMasking: Bool
    private let state = Mutex(State())

    /// Makes an outbox; a client masks what it sends (RFC 6455 section 5.3).
    init(channel: any Channel, isMasking: Bool) {
        self.channel = channel
        self.isMasking = isMasking
    }

    /// How many bytes have not left yet.
    var backlog: Int { state.withLock { $0.backlog } }

    func put(_ message: Message) { put([message]) }

    func put(_ messages: [Message]) {
        let cost = messages.reduce(0) { $0 + $1.cost }
        let needsTurn = state.withLock { state in
            guard !state.isFinished else { return false }
            state.pending.append(contentsOf: messages)
            state.backlog += cost
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if needsTurn { channel.eventLoop.execute { self.write() } }
    }

    /// Waits until the backlog is small enough to add to it; returns at once when the link has ended.
    func room() async {
        await withCheckedContinuation { continuation in
            let isRoom = state.withLock { state in
                guard !state.isFinished, state.backlog > Self.highWater else { return true }
                state.waiters.append(continuation)
                return false
            }
            if isRoom { continuation.resume() }
        }
    }

    /// Writes what is pending, then a last message and the WebSocket's closing frame, and closes the channel.
    func finish(with last: Message? = nil, code: WebSocketErrorCode = .normalClosure) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>]? in
            guard !state.isFinished else { return nil }
            if let last { state.pending.append(last) }
            state.isFinished = true
            return state.waiters.take()
        }
        guard let waiters else { return }
        for waiter in waiters { waiter.resume() }
        let channel = channel
        channel.eventLoop.execute {
            self.write()
            var data = channel.allocator.buffer(capacity: 2)
            data.write(webSocketErrorCode: code)
            let frame = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: self.mask, data: data)
            channel.writeAndFlush(frame).whenComplete { _ in channel.close(promise: nil) }
            // A client that does not read must not keep the link.
            _ = channel.eventLoop.scheduleTask(in: .milliseconds(500)) { channel.close(promise: nil) }
        }
    }

    private var mask: WebSocketMaskingKey? { isMasking ? .random() : nil }

    private func write() {
        let messages = state.withLock { state in
            state.isScheduled = false
            return state.pending.take()
        }
        guard !messages.isEmpty else { return }
        for (frame, cost) in LinkFrame.pack(messages) {
            let written = channel.eventLoop.makePromise(of: Void.self)
            written.futureResult.whenComplete { _ in self.left(cost) }
            channel.write(
                WebSocketFrame(fin: true, opcode: .binary, maskKey: mask, data: frame), promise: written)
        }
        channel.flush()
    }

    private func left(_ cost: Int) {
        let waiters = state.withLock { state in
            state.backlog -= cost
            return state.backlog <= Self.highWater / 2 ? state.waiters.take() : []
        }
        for waiter in waiters { waiter.resume() }
    }
}

extension Array {
    /// Takes all elements out.
    mutating func take() -> Self {
        defer { self = [] }
        return self
    }
}
