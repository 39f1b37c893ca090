/// How long a log is and what its tree hashes to: whoever keeps a head can tell later whether the log was rewritten.
public struct AuditHead: Hashable, Sendable {
    /// The number of entries.
    public let size: UInt64
    /// The hash of the Merkle tree over them (RFC 6962 section 2.1).
    public let root: AuditHash

    /// Describes a log.
    public init(size: UInt64, root: AuditHash) {
        self.size = size
        self.root = root
    }

    /// The head of a log without entries.
    public static let empty = AuditHead(size: 0, root: .empty)
}
