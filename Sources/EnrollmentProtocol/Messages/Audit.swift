public import AuditLog
public import Foundation

/// A row of an audit log: in answers, and as a line of an export.
public struct AuditRow: Codable, Sendable, Equatable {
    /// Who did it.
    public struct Actor: Codable, Sendable, Equatable {
        /// What they are.
        public var kind: String
        /// Their id.
        public var id: String
        /// Their name for people.
        public var name: String
    }

    /// Its place in the log, from 0.
    public var sequence: UInt64
    /// When, to the millisecond.
    public var time: Date
    /// Who.
    public var actor: Actor
    /// The address from which it came.
    public var source: String
    /// What was done.
    public var action: String
    /// To what.
    public var subject: String
    /// How it ended.
    public var outcome: AuditEvent.Outcome
    /// What else is known.
    public var detail: [String: String]
    /// The hash of the row before, 64 hexadecimal digits.
    public var previous: String
    /// The hash of this row.
    public var leaf: String

    /// Shows an entry.
    public init(_ entry: AuditEntry) {
        let event = entry.event
        sequence = entry.sequence
        time = Date(timeIntervalSince1970: Double(event.milliseconds) / 1000)
        actor = Actor(kind: event.actor.kind, id: event.actor.id, name: event.actor.name)
        source = event.source
        action = event.action
        subject = event.subject
        outcome = event.outcome
        detail = event.detail
        previous = entry.previous.description
        leaf = entry.leaf.description
    }

    /// The row for those who verify it: encoded anew from what it says, beside the hash that it names.
    ///
    /// Nil when it names no hashes.
    public var stored: AuditVerifier.StoredRow? {
        guard let previous = AuditHash(hex: previous), let leaf = AuditHash(hex: leaf) else { return nil }
        let milliseconds = (time.timeIntervalSince1970 * 1000).rounded()
        let event = AuditEvent(
            milliseconds: UInt64(max(0, min(milliseconds, 9e15))),
            actor: .init(kind: actor.kind, id: actor.id, name: actor.name), source: source, action: action,
            subject: subject, outcome: outcome, detail: detail)
        let entry = AuditEntry(sequence: sequence, previous: previous, event: event)
        return AuditVerifier.StoredRow(sequence: sequence, leaf: leaf, encoded: entry.encoded)
    }
}

/// A part of an audit log.
public struct AuditPage: Codable, Sendable, Equatable {
    /// The rows, oldest first.
    public var items: [AuditRow]
    /// From where the next part begins; nil at the end.
    public var next: String?

    /// Makes a part.
    public init(items: [AuditRow], next: String?) {
        self.items = items
        self.next = next
    }
}

/// The head of an audit log: in heartbeats, in answers, and as a line of a file of heads.
public struct AuditHeadReference: Codable, Sendable, Hashable {
    /// How many rows the log had.
    public var size: UInt64
    /// The root of its Merkle tree (RFC 6962), 64 hexadecimal digits.
    public var root: String
    /// Who has kept it, for people.
    public var keptBy: String?
    /// Whose log it is, for people.
    public var of: String?

    /// Shows a head.
    public init(_ head: AuditHead, keptBy: String? = nil, of: String? = nil) {
        size = head.size
        root = head.root.description
        self.keptBy = keptBy
        self.of = of
    }

    /// The head; nil where the root is none.
    public var head: AuditHead? { AuditHash(hex: root).map { AuditHead(size: size, root: $0) } }

    enum CodingKeys: String, CodingKey {
        case size, root, of
        case keptBy = "kept_by"
    }
}

/// What one end tells the other about both logs, in a heartbeat and in its answer.
public struct AuditHeadsMessage: Codable, Sendable, Equatable {
    /// The head of one's own log.
    public var own: AuditHeadReference
    /// The newest head of the other's log that is kept here.
    public var kept: AuditHeadReference?

    /// Makes a message.
    public init(own: AuditHead, kept: AuditHead?) {
        self.own = AuditHeadReference(own)
        self.kept = kept.map { AuditHeadReference($0) }
    }
}

/// The answer to `GET /v1/audit/head`.
public struct AuditHeadAnswer: Codable, Sendable, Equatable {
    /// The head of the tenant's log.
    public var head: AuditHeadReference
    /// Heads of this log that connectors have lately said to keep.
    public var witnesses: [AuditHeadReference]
    /// The newest heads of connectors' logs that are kept here.
    public var connectors: [AuditHeadReference]

    /// Makes an answer.
    public init(head: AuditHeadReference, witnesses: [AuditHeadReference], connectors: [AuditHeadReference]) {
        self.head = head
        self.witnesses = witnesses
        self.connectors = connectors
    }
}

/// The answer to `GET /v1/audit/consistency`: that the longer log begins with the shorter one (RFC 6962 section 2.1.2).
public struct AuditConsistencyAnswer: Codable, Sendable, Equatable {
    /// The head of the shorter log.
    public var first: AuditHeadReference
    /// The head of the longer log.
    public var second: AuditHeadReference
    /// The proof, hashes of 64 hexadecimal digits.
    public var proof: [String]

    /// Makes an answer.
    public init(first: AuditHead, second: AuditHead, proof: [AuditHash]) {
        self.first = AuditHeadReference(first)
        self.second = AuditHeadReference(second)
        self.proof = proof.map(\.description)
    }
}
