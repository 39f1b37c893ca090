import NIOCore

/// One way of a connection: takes from one channel, gives to the other, and does to the bytes what the path says.
final class PathLane: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// The most bytes that wait.
    static let limit = 256 * 1024

    private let sink: any Channel
    private weak var connection: ProxiedConnection?
    private let way: (PathConditions) -> PathConditions.Way
    private var source: (any Channel)?
    private var waiting: [(bytes: ByteBuffer, due: NIODeadline)] = []
    private var waitingBytes = 0
    /// When the last byte that waits arrives, at the way's speed.
    private var lastArrival = NIODeadline.now()
    private var unwritten = 0
    private var hasFlipped = false
    private var hasEnded = false
    private var isReading = true

    init(to sink: any Channel, of connection: ProxiedConnection, way: @escaping (PathConditions) -> PathConditions.Way)
    {
        self.sink = sink
        self.connection = connection
        self.way = way
    }

    func handlerAdded(context: ChannelHandlerContext) { source = context.channel }

    func handlerRemoved(context: ChannelHandlerContext) { source = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let connection else { return }
        isReading = false
        var bytes = unwrapInboundIn(data)
        let way = way(connection.conditions)
        guard way.carriage != .loses, !connection.losesAll else { return connection.lost(bytes.readableBytes) }
        if way.flipsBit != hasFlipped {
            hasFlipped = way.flipsBit
            // The last byte: it is a TLS record's own, and no length that would make the reader wait for more.
            let index = bytes.writerIndex - 1
            if way.flipsBit, let byte = bytes.getInteger(at: index, as: UInt8.self) {
                bytes.setInteger(byte ^ 1, at: index)
            }
        }
        var due = NIODeadline.now() + TimeAmount(way.delay)
        if let rate = way.bytesPerSecond {
            due = max(due, lastArrival) + .nanoseconds(Int64(bytes.readableBytes) * 1_000_000_000 / Int64(rate))
            lastArrival = due
        }
        waiting.append((bytes, due))
        waitingBytes += bytes.readableBytes
    }

    func channelReadComplete(context: ChannelHandlerContext) { flush() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event as? ChannelEvent == .inputClosed else { return context.fireUserInboundEventTriggered(event) }
        hasEnded = true
        flush()
    }

    func channelInactive(context: ChannelHandlerContext) { connection?.ended(context.channel) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Gives what is due to the other side, and reads on if there is room.
    func flush() {
        guard let connection else { return }
        let way = way(connection.conditions)
        if way.carriage == .loses, !waiting.isEmpty {
            connection.lost(waitingBytes)
            waiting = []
            waitingBytes = 0
        }
        let now = NIODeadline.now()
        let due = way.carriage == .holds ? 0 : waiting.prefix { $0.due <= now }.count
        let leaving = waiting.prefix(due)
        // Before the writes: one that fails at once comes back here.
        waiting.removeFirst(due)
        for (bytes, _) in leaving {
            let count = bytes.readableBytes
            waitingBytes -= count
            unwritten += count
            let own = NIOLoopBound(self, eventLoop: sink.eventLoop)
            sink.write(bytes).whenComplete { _ in
                let lane = own.value
                lane.unwritten -= count
                lane.connection?.moved(count)
                lane.flush()
            }
        }
        if due > 0 { sink.flush() }
        if way.carriage == .passes, let next = waiting.first {
            let own = NIOLoopBound(self, eventLoop: sink.eventLoop)
            sink.eventLoop.scheduleTask(deadline: next.due) { own.value.flush() }
        }
        if hasEnded, waiting.isEmpty, unwritten == 0, way.carriage == .passes {
            sink.close(mode: .output, promise: nil)
        }
        if !isReading, !hasEnded, waitingBytes + unwritten < Self.limit {
            isReading = true
            source?.read()
        }
    }
}
