internal import BrokerCore
internal import DequeModule
internal import NIOCore
internal import NIOWebSocket
internal import Synchronization

/// What waits to be written to a link: all that gathers within one turn of the event loop leaves together.
///
/// Bodies are written only as far as the link takes them, so that on a slow one a beat does not wait behind megabytes.
final class LinkOutbox<Message: LinkMessage>: Sendable {
    private struct State: ~Copyable {
        var pending: [Message] = []
        /// What waits behind all that is pending.
        var pendingBulk = Deque<Message>()
        /// The cost of what is pending and of what is written but has not left.
        var backlog = 0
        /// The cost of the bulk that is written but has not left.
        var bulkUnderWay = 0
        var isScheduled = false
        var isFinished = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// Above this backlog `room` waits.
    private static var highWater: Int { 2 << 20 }
    /// So much bulk, and one message more, is written before any of it has left.
    private static var bulkWindow: Int { 64 << 10 }

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
            for message in messages {
                if message.isBulk { state.pendingBulk.append(message) } else { state.pending.append(message) }
            }
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
            state.pending += state.pendingBulk
            state.pendingBulk = []
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
        let (messages, bulk) = state.withLock { state in
            state.isScheduled = false
            var bulk: [Message] = []
            while state.bulkUnderWay < Self.bulkWindow, let next = state.pendingBulk.popFirst() {
                state.bulkUnderWay += next.cost
                bulk.append(next)
            }
            return (state.pending.take(), bulk)
        }
        guard !messages.isEmpty || !bulk.isEmpty else { return }
        write(messages, isBulk: false)
        write(bulk, isBulk: true)
        channel.flush()
    }

    private func write(_ messages: [Message], isBulk: Bool) {
        for (frame, cost) in LinkFrame.pack(messages) {
            let written = channel.eventLoop.makePromise(of: Void.self)
            written.futureResult.whenComplete { _ in self.left(cost, isBulk: isBulk) }
            channel.write(
                WebSocketFrame(fin: true, opcode: .binary, maskKey: mask, data: frame), promise: written)
        }
    }

    private func left(_ cost: Int, isBulk: Bool) {
        let (waiters, hasMore) = state.withLock { state in
            state.backlog -= cost
            if isBulk { state.bulkUnderWay -= cost }
            let waiters = state.backlog <= Self.highWater / 2 ? state.waiters.take() : []
            let hasMore = !state.pendingBulk.isEmpty && !state.isScheduled && state.bulkUnderWay < Self.bulkWindow
            if hasMore { state.isScheduled = true }
            return (waiters, hasMore)
        }
        for waiter in waiters { waiter.resume() }
        if hasMore { channel.eventLoop.execute { self.write() } }
    }
}

extension Array {
    /// Takes all elements out.
    mutating func take() -> Self {
        defer { self = [] }
        return self
    }
}
