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
    /// The dispatcher's answer to a ping.
    case pong = 4
    /// A sign of life with what the sender offers.
    case beat = 32
}
