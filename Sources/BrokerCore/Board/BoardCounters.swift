/// What has happened on an embedded queue since its start, and what it holds now.
public struct BoardCounters: Sendable, Equatable {
    /// Group records handed to a member.
    public var delivered: UInt64 = 0
    /// Of these, the ones that may have been handed out before.
    public var redelivered: UInt64 = 0
    /// Group records settled by a member.
    public var completed: UInt64 = 0
    /// Tokens whose lease had ended when they were used.
    public var fenced: UInt64 = 0
    /// Leases that ended without the member.
    public var revoked: UInt64 = 0
    /// Records whose time had come before anyone took them.
    public var expired: UInt64 = 0
    /// Records refused because a limit was reached.
    public var refused: UInt64 = 0
    /// Records to an inbox that nobody had open.
    public var toNobody: UInt64 = 0
    /// Beats that a watcher was too slow for.
    public var lostBeats: UInt64 = 0
    /// Payload bytes in all groups and inboxes now.
    public var bytes = 0
    /// Group records now, waiting and leased.
    public var records = 0
}
