/// How much a ledger keeps, and for how long.
public struct LedgerBounds: Sendable {
    /// The most requests that are kept, ended ones among them.
    public var requests: Int
    /// The most bytes that kept requests and their results may have when another is taken in.
    ///
    /// A result is never refused: what was taken in may end with an answer that goes beyond this.
    public var bytes: Int
    /// For how long an ended request is kept: its id, its key and its result together.
    public var retention: Duration
    /// The same for dead letters, and for those that ended as unknown and may still be resolved.
    public var longRetention: Duration
    /// The most bytes of submissions that wait for one transaction.
    public var waitingBytes: Int
    /// The most bytes that the file may have.
    public var fileBytes: Int

    /// Describes a ledger's bounds.
    public init(
        requests: Int = 100_000, bytes: Int = 1 << 30, retention: Duration = .seconds(24 * 3600),
        longRetention: Duration = .seconds(14 * 24 * 3600), waitingBytes: Int = 64 << 20, fileBytes: Int = 8 << 30
    ) {
        self.requests = requests
        self.bytes = bytes
        self.retention = retention
        self.longRetention = longRetention
        self.waitingBytes = waitingBytes
        self.fileBytes = fileBytes
    }
}

/// How much a ledger keeps at present.
struct LedgerSize: Sendable, Equatable {
    var requests = 0
    var bytes = 0
}
