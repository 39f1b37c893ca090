internal import Synchronization

/// What a link server has counted since its start.
public struct LinkCounters: Sendable, Equatable {
    /// Links that were let in.
    public var authenticated = 0
    /// Links whose credential was refused, or that showed none.
    public var unauthenticated = 0
    /// Links that broke the protocol.
    public var malformed = 0
    /// Records that the sender was not allowed to send.
    public var deniedRecords = 0
    /// Subscriptions, inboxes and watches that were not allowed.
    public var deniedOpenings = 0
}
