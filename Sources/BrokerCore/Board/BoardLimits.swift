internal import RelayFormat

/// How much an embedded queue holds before it refuses, and for how long it lends.
public struct BoardLimits: Sendable, Equatable {
    /// The most records of one group, waiting and leased.
    public var groupRecords = 10_000
    /// The most payload bytes of one group.
    public var groupBytes = 64 << 20
    /// The most records in one lane of one inbox.
    public var laneRecords = 16_384
    /// The most payload bytes in one lane of one inbox.
    public var laneBytes = 64 << 20
    /// About how many bytes of data one read of an inbox hands over, so that a slow reader fills its lane and not its own memory.
    public var inboxReadBytes = 1 << 20
    /// The most beats that wait for one watcher of presence; older ones are dropped.
    public var watchBeats = 8_192
    /// The most bytes of beats that wait for one watcher of presence.
    public var watchBytes = 8 << 20
    /// The most closings that wait for one watcher; one that reads none of so many is closed itself.
    public var watchClosings = 65_536
    /// The most payload bytes in all groups and inboxes together.
    public var totalBytes = 512 << 20
    /// The largest payload in bytes.
    public var largestPayload = RelayLimits.sealedMessage
    /// How long a member may hold a delivery without a word.
    public var leaseTime = Duration.seconds(60)
    /// When a refused sender should try again.
    public var retryAfter = Duration.milliseconds(100)

    /// The limits for one machine.
    public init() {}
}
