internal import CRDKafka
internal import Dispatch
internal import Foundation
internal import Logging
internal import Synchronization

/// What a pump hands its events to; called on the pump's thread alone.
protocol PumpSink: Sendable {
    /// Takes an event in; it is destroyed afterwards.
    func take(_ event: OpaquePointer, of kind: Int32, in handle: KafkaHandle, on thread: borrowing BlockingThread)
    /// Hands on what was taken in since the last time; returns after how many milliseconds it wants to be called again.
    func flush(in handle: KafkaHandle, on thread: borrowing BlockingThread) -> Int32
}

/// One handle of librdkafka, and the thread that serves its queue.
///
/// From creation to `close`: the thread waits in the queue, takes what has come until nothing is left, and hands it on in
/// arrays. What may block is done on that thread (`perform`), or as a job on another (`ask`); the handle is destroyed by
/// its own thread after the last job.
final class KafkaHandle: Sendable {
    typealias Job = @Sendable (borrowing BlockingThread) -> Void
    typealias Farewell = @Sendable (OpaquePointer, borrowing BlockingThread) -> Void

    private struct State {
        var orders: [Job] = []
        var jobs: [Job] = []
        var workers = 0
        var isClosing = false
        var hasEnded = false
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    /// The most events of one turn, so that orders do not wait long.
    private static let turn = 4096
    /// How many jobs are done at a time; a job lasts as long as the cluster's answer, seconds at the most.
    private static let mostWorkers = 4

    /// The handle itself; its calls may come from any thread.
    var raw: OpaquePointer { library.pointer }
    /// Where all its events come.
    var queue: OpaquePointer { events.pointer }
    private let library: LibraryHandle
    private let events: LibraryHandle
    let logger: Logger
    private let state = Mutex(State())
    private let users = DispatchGroup()
    private let context: HandleContext
    private let sink: any PumpSink
    private let farewell: Farewell?

    /// Makes a handle and starts its thread.
    ///
    /// - Parameters:
    ///   - events: the kinds of events that are wanted beside errors and tokens.
    ///   - farewell: is done on the thread before the handle is destroyed.
    init(
        _ kind: HandleKind, _ configuration: KafkaConfiguration, events: Int32 = 0, sink: any PumpSink,
        logger: Logger, farewell: Farewell? = nil
    ) throws(KafkaError) {
        self.logger = logger
        self.sink = sink
        var provider: (@Sendable () async throws -> KafkaSecurity.Token)?
        if case .oauthBearer(let fetch) = configuration.security.login { provider = fetch }
        context = HandleContext(logger: logger, route: configuration.route, provider: provider)
        let raw = try HandleMaker.make(kind, configuration, events: events, context: context)
        library = LibraryHandle(raw)
        self.farewell = farewell
        if case .consumer(.some) = kind {
            rd_kafka_poll_set_consumer(raw)
            self.events = LibraryHandle(rd_kafka_queue_get_consumer(raw))
        } else {
            self.events = LibraryHandle(rd_kafka_queue_get_main(raw))
        }
        let thread = Thread { [self] in pump() }
        thread.name = "kafka-pump"
        thread.stackSize = 512 << 10
        thread.start()
    }

    /// Whether the handle was closed, or is about to be.
    var isClosing: Bool { state.withLock { $0.isClosing } }

    /// Does something on the handle's thread, soon; not at all once it is closed.
    ///
    /// - Returns: whether it will be done.
    @discardableResult
    func perform(_ order: @escaping Job) -> Bool {
        guard enter({ $0.orders.append(order) }) else { return false }
        rd_kafka_queue_yield(queue)
        users.leave()
        return true
    }

    /// Ends the thread's wait at once.
    func wake() { perform { _ in } }

    /// Does something short with the handle, which is not destroyed before that has ended; nil when it is closed.
    @discardableResult
    func use<Result>(_ body: () -> Result) -> Result? {
        guard enter() else { return nil }
        defer { users.leave() }
        return body()
    }

    /// Under the lock, so that a closing thread waits for whoever came in.
    private func enter(_ change: (inout State) -> Void = { _ in }) -> Bool {
        state.withLock { state in
            guard !state.isClosing else { return false }
            users.enter()
            change(&state)
            return true
        }
    }

    /// Asks the cluster something, on a thread that may block; the handle lives for as long.
    func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (OpaquePointer, borrowing BlockingThread) throws(KafkaError) -> Answer
    ) async throws(KafkaError) -> Answer {
        let library = library
        let result: Result<Answer, KafkaError> = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Answer, KafkaError>, Never>) in
            let work: Job = { (thread: borrowing BlockingThread) in
                do throws(KafkaError) {
                    continuation.resume(returning: .success(try question(library.pointer, thread)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if !job(work) { continuation.resume(returning: .failure(KafkaError(.closed, "the handle was closed"))) }
        }
        return try result.get()
    }

    /// Does something on a thread that may block: one of a few of the handle's own.
    ///
    /// Dispatch's global queues would not do: on Linux their threads are those that Swift's tasks run on.
    @discardableResult
    func job(_ work: @escaping Job) -> Bool {
        var needsWorker = false
        let isTaken = enter { state in
            state.jobs.append(work)
            needsWorker = state.workers < Self.mostWorkers
            if needsWorker { state.workers += 1 }
        }
        if isTaken, needsWorker {
            let thread = Thread { [self] in labour() }
            thread.name = "kafka-job"
            thread.stackSize = 512 << 10
            thread.start()
        }
        return isTaken
    }

    /// Does jobs until there is none left.
    private func labour() {
        while let job = state.withLock({ state -> Job? in
            if state.jobs.isEmpty { state.workers -= 1 }
            return state.jobs.isEmpty ? nil : state.jobs.removeFirst()
        }) {
            job(BlockingThread(beginning: ()))
            users.leave()
        }
    }

    /// Ends the handle; returns when it is gone, or has not gone in `patience`.
    ///
    /// librdkafka 2.0.2 never lets go of a consumer whose topics were forbidden to it while it read them: it waits for
    /// partitions that it has lost. Such a handle is left behind; the process ends without it.
    func close() async {
        await withCheckedContinuation { continuation in
            let (hasEnded, isFirst) = state.withLock { state in
                if !state.hasEnded { state.watchers.append(continuation) }
                // The thread destroys the queue only when it has seen `isClosing`.
                if !state.isClosing { rd_kafka_queue_yield(queue) }
                defer { state.isClosing = true }
                return (state.hasEnded, !state.isClosing)
            }
            if hasEnded { continuation.resume() }
            if isFirst { DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience) { [self] in giveUp() } }
        }
    }

    private static let patience = 5.0

    /// Lets those go on who wait for the end.
    private func giveUp() {
        let watchers = state.withLock { state in
            defer { state.watchers = [] }
            return state.watchers
        }
        guard !watchers.isEmpty else { return }
        logger.warning("Kafka's library does not let go of a handle, which is left behind")
        for watcher in watchers { watcher.resume() }
    }

    private func pump() {
        let thread = BlockingThread(beginning: ())
        while true {
            let (orders, isClosing) = state.withLock { state in
                defer { state.orders = [] }
                return (state.orders, state.isClosing)
            }
            for order in orders { order(thread) }
            if isClosing { break }
            let wait = sink.flush(in: self, on: thread)
            var taken = 0
            var event = rd_kafka_queue_poll(queue, max(0, min(wait, 1000)))
            while let present = event {
                serve(present, on: thread)
                rd_kafka_event_destroy(present)
                taken += 1
                event = taken < Self.turn ? rd_kafka_queue_poll(queue, 0) : nil
            }
        }
        users.wait()
        farewell?(raw, thread)
        rd_kafka_queue_destroy(queue)
        rd_kafka_destroy(raw)
        let watchers = state.withLock { state in
            state.hasEnded = true
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.resume() }
    }

    private func serve(_ event: OpaquePointer, on thread: borrowing BlockingThread) {
        let kind = rd_kafka_event_type(event)
        if kind == RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH {
            context.refreshToken(for: self)
        } else {
            sink.take(event, of: kind, in: self, on: thread)
        }
    }
}
