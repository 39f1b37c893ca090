/// Goes through a log from its first row and finds the first that is not as it was written.
///
/// It trusts nothing but the heads that were kept elsewhere: rows are hashed anew, and the tree is built from them.
/// Without heads it finds whoever changed rows and not the chain; with a head of the other end it also finds a log that
/// was rewritten as a whole.
public struct AuditVerifier: Sendable {
    /// A row as it is stored.
    public struct StoredRow: Sendable, Equatable {
        /// Where it stands.
        public var sequence: UInt64
        /// The hash that stands beside it.
        public var leaf: AuditHash
        /// The entry's bytes; nil for one that was archived, of which the hash is left.
        public var encoded: [UInt8]?

        /// Describes a row.
        public init(sequence: UInt64, leaf: AuditHash, encoded: [UInt8]?) {
            self.sequence = sequence
            self.leaf = leaf
            self.encoded = encoded
        }
    }

    /// A head that somebody else has kept.
    public struct Witness: Sendable, Equatable {
        /// Who kept it.
        public var name: String
        /// The head.
        public var head: AuditHead

        /// Describes a witness.
        public init(name: String, head: AuditHead) {
            self.name = name
            self.head = head
        }
    }

    /// What is wrong, with the first row that shows it.
    public enum Finding: Error, Sendable, Equatable {
        /// A row is not there.
        case missing(row: UInt64)
        /// A row cannot be read as an entry.
        case unreadable(row: UInt64)
        /// A row holds the entry of another place.
        case moved(row: UInt64, holds: UInt64)
        /// A row is not what its hash says.
        case edited(row: UInt64)
        /// A row does not follow the one before it.
        case broken(row: UInt64)
        /// The log ends before a head that somebody has kept.
        case truncated(size: UInt64, witness: Witness)
        /// Rows were rewritten together with their hashes: a head kept elsewhere differs.
        case rewritten(rows: Range<UInt64>, witness: Witness)
        /// The log's own head is not that of its rows.
        case headDiffers(stored: AuditHead, found: AuditHead)
    }

    private var frontier = MerkleFrontier()
    private var last = AuditHash.empty
    private var witnesses: ArraySlice<Witness>
    private var agreed: UInt64 = 0

    /// Begins with an empty log.
    public init(witnesses: [Witness] = []) {
        self.witnesses = witnesses.sorted { $0.head.size < $1.head.size }[...]
    }

    /// How many rows were found right.
    public var size: UInt64 { frontier.size }

    /// Takes the next row.
    public mutating func take(_ row: StoredRow) throws(Finding) {
        let place = frontier.size
        guard row.sequence == place else { throw .missing(row: place) }
        if let encoded = row.encoded {
            guard let entry = AuditEntry(encoded: encoded) else { throw .unreadable(row: place) }
            guard entry.sequence == place else { throw .moved(row: place, holds: entry.sequence) }
            guard AuditHash.leaf(encoded) == row.leaf else { throw .edited(row: place) }
            guard entry.previous == last else { throw .broken(row: place) }
        }
        try compare()
        frontier.append(row.leaf)
        last = row.leaf
    }

    /// Ends; all rows were taken.
    ///
    /// - Parameter stored: the head that the log itself keeps, if it does.
    /// - Returns: the head of the rows.
    public mutating func finish(stored: AuditHead? = nil) throws(Finding) -> AuditHead {
        try compare()
        let found = frontier.head
        if let beyond = witnesses.first { throw .truncated(size: found.size, witness: beyond) }
        if let stored, stored != found {
            // A log whose last rows were taken away keeps the longer head.
            if stored.size > found.size { throw .missing(row: found.size) }
            throw .headDiffers(stored: stored, found: found)
        }
        return found
    }

    private mutating func compare() throws(Finding) {
        while let next = witnesses.first, next.head.size == frontier.size {
            guard next.head == frontier.head else { throw .rewritten(rows: agreed..<frontier.size, witness: next) }
            agreed = frontier.size
            witnesses.removeFirst()
        }
    }
}

extension AuditVerifier.Finding: CustomStringConvertible {
    /// What was found, for people.
    public var description: String {
        switch self {
        case .missing(let row): "row \(row) is missing"
        case .unreadable(let row): "row \(row) cannot be read"
        case .moved(let row, let holds): "row \(row) holds what was written as row \(holds)"
        case .edited(let row): "row \(row) was edited"
        case .broken(let row): "row \(row) does not follow the row before it"
        case .truncated(let size, let witness):
            "row \(size) and what followed are missing: \(witness.name) has seen \(witness.head.size) rows"
        case .rewritten(let rows, let witness):
            rows.isEmpty
                ? "the head that \(witness.name) has kept for \(witness.head.size) rows is not this log's"
                : "rows \(rows.lowerBound) to \(rows.upperBound - 1) were rewritten: the head that \(witness.name) has"
                    + " kept for \(witness.head.size) rows differs"
        case .headDiffers(let stored, let found):
            "row \(min(stored.size, found.size)) and what follows are not what the log's own head says"
                + " (\(stored.size) rows, found \(found.size))"
        }
    }
}
