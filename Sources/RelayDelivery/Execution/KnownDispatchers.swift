public import RelayFormat

/// The dispatchers that a connector has heard, each with its newest process.
///
/// A dispatcher's process may end and its requests live on: answers go to whichever of its processes is the newest.
public struct KnownDispatchers: Sendable {
    private struct Entry: Sendable {
        var boot: BootID
        var bootNumber: UInt64
        var heard: ContinuousClock.Instant
    }

    private var entries: [MemberID: Entry] = [:]
    private let limit: Int

    /// Makes an empty list of at most `limit` dispatchers.
    public init(limit: Int = 256) {
        self.limit = limit
    }

    /// How many are known.
    public var count: Int { entries.count }

    /// The processes of all that are known.
    public var boots: [BootID] { entries.values.map(\.boot) }

    /// The process that was heard last.
    public var latest: BootID? { entries.values.max { $0.heard < $1.heard }?.boot }

    /// Where answers for a dispatcher go; nil when it has not been heard.
    public func boot(of dispatcher: MemberID) -> BootID? { entries[dispatcher]?.boot }

    /// INVITE has come.
    ///
    /// - Returns: false when it is of an older process than the one that is known.
    public mutating func invited(
        by dispatcher: MemberID, boot: BootID, bootNumber: UInt64, at now: ContinuousClock.Instant
    ) -> Bool {
        if let known = entries[dispatcher], known.boot != boot, known.bootNumber > bootNumber { return false }
        if entries[dispatcher] == nil, entries.count >= limit,
            let oldest = entries.min(by: { $0.value.heard < $1.value.heard })
        {
            entries[oldest.key] = nil
        }
        entries[dispatcher] = Entry(boot: boot, bootNumber: bootNumber, heard: now)
        return true
    }

    /// Something else was heard of a dispatcher.
    public mutating func heard(_ dispatcher: MemberID, boot: BootID, at now: ContinuousClock.Instant) {
        guard entries[dispatcher]?.boot == boot else { return }
        entries[dispatcher]?.heard = now
    }

    /// Forgets those that have been silent since the given moment.
    public mutating func forget(silentSince moment: ContinuousClock.Instant) {
        entries = entries.filter { $0.value.heard >= moment }
    }
}
