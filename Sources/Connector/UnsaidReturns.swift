internal import RelayFormat
internal import RelayKeys

/// RETURNs for dispatchers' processes that are not known yet, kept until one is or they are of no use any more.
///
/// A connector that has just joined can meet a request under an epoch from before its time, and nobody but a dispatcher
/// that has greeted it can be told so. Nothing repeats a RETURN; without it the dispatcher would wait for its time-out.
struct UnsaidReturns {
    /// Whom it concerns is what a header says that is not proven: there are no more than these.
    private static let most = 1024

    private var messages: [OutgoingMessage] = []

    /// Keeps a message if it is one that nothing else repeats, and there is room.
    mutating func keep(_ message: OutgoingMessage) -> Bool {
        guard message.kind == .return, messages.count < Self.most else { return false }
        messages.append(message)
        return true
    }

    /// Takes all that is still of use; what cannot be said yet is kept again.
    mutating func take(at now: RelayTime) -> [OutgoingMessage] {
        defer { messages = [] }
        return messages.filter { now < $0.expiresAt }
    }
}
