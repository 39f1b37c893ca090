internal import BrokerCore

/// What is open under a number: it survives the connections and is opened again on each.
enum LinkResource: Sendable {
    case subscription(LinkSubscription)
    case inbox(LinkInbox)
    case watch(LinkPresenceWatch)
    /// The making of a queue: done once it is answered.
    case provision

    /// In which order resources are opened again: what answers arrive in first, what brings work last.
    var rank: Int {
        switch self {
        case .inbox: 0
        case .watch: 1
        case .provision: 2
        case .subscription: 3
        }
    }

    /// The connection is gone, and what depended on it.
    func cut() {
        switch self {
        case .subscription(let subscription): subscription.cut()
        case .inbox(let inbox): inbox.cut()
        case .watch, .provision: break
        }
    }

    /// There is nothing more to come.
    func end() {
        switch self {
        case .subscription(let subscription): subscription.end()
        case .inbox(let inbox): inbox.end()
        case .watch(let watch): watch.end()
        case .provision: break
        }
    }
}
