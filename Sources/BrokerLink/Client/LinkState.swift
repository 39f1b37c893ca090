public import RelayFormat

/// How a link stands; never better than the last thing heard proves.
public enum LinkState: Sendable, Equatable {
    /// No attempt has succeeded or failed yet; then connected or disconnected.
    case connecting
    /// The server let the client in, and all that was open is open again; then disconnected or stopped.
    case connected(since: RelayTime)
    /// The link is gone, or never was, and is tried again; then connected or stopped.
    case disconnected(reason: LinkError, since: RelayTime, attempts: Int)
    /// No further attempt is made.
    case stopped(LinkError)
}
