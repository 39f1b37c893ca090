internal import DequeModule
internal import Synchronization

/// A bounded buffer between two tasks that hands over all it holds at once: one receiver, many senders.
public final class Mailbox<Element: Sendable>: Sendable {
    private struct State: ~Copyable {
        var elements = Deque<Element>()
        var receiver: CheckedContinuation<Void, Never>?
        var isClosed = false
    }

    private let state = Mutex(State())
    private let capacity: Int

    /// Makes an empty mailbox that refuses more than `capacity` elements.
    public init(capacity: Int = .max) {
        self.capacity = capacity
    }

    /// Puts elements in and wakes the receiver; all or none.
    ///
    /// - Returns: false when they do not fit or the mailbox is closed.
    @discardableResult
    public func put(_ elements: some Collection<Element>) -> Bool {
        let (accepted, receiver) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            guard !state.isClosed, elements.count <= capacity - state.elements.count else { return (false, nil) }
            state.elements.append(contentsOf: elements)
            return (true, state.receiver.take())
        }
        receiver?.resume()
        return accepted
    }

    /// Waits until there is something and takes all of it.
    ///
    /// Nil when the mailbox is closed and empty, or when the waiting task is cancelled. For one caller at a time.
    public func take() async -> [Element]? { await take(gathering: false) }

    /// - Parameter isGathering: whether those tasks get their turn first that are ready to run when something has come, so
    ///   that what they put in is taken with it: for a receiver that has a price to pay for each batch.
    private func take(gathering isGathering: Bool) async -> [Element]? {
        while !Task.isCancelled {
            let taken = state.withLock { state -> [Element]?? in
                guard state.elements.isEmpty else {
                    defer { state.elements.removeAll(keepingCapacity: state.elements.count < 1024) }
                    return .some(Array(state.elements))
                }
                return state.isClosed ? .some(nil) : .none
            }
            if let taken { return taken }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let resumeNow = state.withLock { state -> Bool in
                        guard state.elements.isEmpty, !state.isClosed, !Task.isCancelled else { return true }
                        precondition(state.receiver == nil, "a mailbox has one receiver at a time")
                        state.receiver = continuation
                        return false
                    }
                    if resumeNow { continuation.resume() }
                }
            } onCancel: {
                state.withLock { $0.receiver.take() }?.resume()
            }
            if isGathering { await Task.yield() }
        }
        return nil
    }

    /// Sends on what gathers, batch by batch, until the mailbox is closed and empty.
    ///
    /// A batch has a price of its own, for a signature, a record, a request. So the next one gathers until one of those
    /// under way is confirmed; they are a few, so that one that takes long does not hold up the others.
    ///
    /// - Parameters:
    ///   - most: how many batches are under way at a time.
    ///   - prepare: makes of a batch what is to be sent, one batch after the other; nil when nothing is.
    ///   - send: sends it, and returns when it is confirmed or has failed.
    public func sendOn<Prepared: Sendable>(
        atMost most: Int = 4, preparing prepare: ([Element]) async -> Prepared?,
        sending send: @escaping @Sendable (Prepared) async -> Void
    ) async {
        await withTaskGroup(of: Void.self) { group in
            var underWay = 0
            while true {
                if underWay == most {
                    await group.next()
                    underWay -= 1
                }
                guard let batch = await take(gathering: true) else { break }
                guard let prepared = await prepare(batch) else { continue }
                group.addTask { await send(prepared) }
                underWay += 1
            }
        }
    }

    /// Whether the mailbox takes nothing any more.
    public var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Closes the mailbox: what it holds can still be taken.
    ///
    /// - Returns: false when it had been closed before.
    @discardableResult
    public func close() -> Bool {
        let (isFirst, receiver) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            defer { state.isClosed = true }
            return (!state.isClosed, state.receiver.take())
        }
        receiver?.resume()
        return isFirst
    }
}
