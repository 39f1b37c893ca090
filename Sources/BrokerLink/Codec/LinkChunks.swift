internal import BrokerCore

extension Array {
    /// Cuts the list so that no part costs much more than it should; a frame at the most.
    func chunks(upTo limit: Int = LinkFrame.full, ofCost cost: (Element) -> Int) -> [[Element]] {
        var chunks: [[Element]] = []
        var start = startIndex
        var held = 0
        for index in indices {
            held += cost(self[index])
            if held >= limit {
                chunks.append(Array(self[start...index]))
                start = index + 1
                held = 0
            }
        }
        if start < endIndex { chunks.append(start == startIndex ? self : Array(self[start...])) }
        return chunks
    }
}

extension GroupEvent {
    /// The event as messages, none larger than a frame.
    func messages(id: UInt32) -> [ServerMessage] {
        switch self {
        case .delivered(let deliveries):
            deliveries.chunks { $0.payload.count + Delivery.overhead }.map { .delivered(id: id, $0) }
        case .revoked(let tokens):
            tokens.chunks { _ in DeliveryToken.size }.map { .revoked(id: id, $0) }
        }
    }
}

extension ClientMessage {
    /// The number under which the message opens something.
    var opens: UInt32? {
        switch self {
        case .subscribe(let id, _, _, _), .openInbox(let id, _), .watchPresence(let id, _), .provision(let id, _): id
        default: nil
        }
    }
}
