/// What a message is; each kind has its own place to be written to (PROTOCOL: places and kinds).
public enum MessageKind: UInt8, Sendable, CaseIterable {
    /// Work for a connector, in a group queue or an inbox.
    case request = 1
    /// A dispatcher tells a boot that it sees it, and gives it the time.
    case invite = 2
    /// A dispatcher has what the connector answered.
    case receipt = 3
    /// The connector has the request and runs it.
    case accepted = 16
    /// The connector gives the request back; this boot never starts it.
    case `return` = 17
    /// The answer to a request.
    case response = 18
    /// A connector asks for a round trip through the queue.
    case ping = 19
    /// A connector has a dispatch and waits for the leave to start it.
    case claim = 20
    /// The answer to a question.
    case known = 21
    /// The dispatcher's answer to a ping.
    case pong = 4
    /// A boot may start a dispatch that it has claimed.
    case grant = 5
    /// A dispatcher asks how a dispatch stands.
    case ask = 6
    /// A dispatch must not be started any more.
    case cancel = 7
    /// A dispatcher tells a boot to stop, or to stop taking work.
    case goAway = 8
    /// A connector's boot begins a session with a dispatcher's.
    case hello = 22
    /// A dispatcher has taken the session up.
    case welcome = 9
    /// A sign of life with what the sender offers.
    case beat = 32
}
