/// An event at its place in a log, chained to the entry before it.
public struct AuditEntry: Sendable, Equatable {
    /// Its place, from 0: its leaf's index in the tree.
    public let sequence: UInt64
    /// The leaf hash of the entry before; that of an empty log for the first.
    public let previous: AuditHash
    /// What happened.
    public let event: AuditEvent

    /// Puts an event at a place.
    public init(sequence: UInt64, previous: AuditHash, event: AuditEvent) {
        self.sequence = sequence
        self.previous = previous
        self.event = event
    }

    /// The hash by which the tree knows it.
    public var leaf: AuditHash { .leaf(encoded) }
}

/// The canonical encoding, which is what is hashed: the same entry has the same bytes, always.
///
/// Version 1, numbers big-endian: version (1 byte) · sequence (8) · previous (32) · milliseconds (8) · actor's kind, id
/// and name, source, action, subject, outcome, each as length (2) and UTF-8 · number of details (1) · each detail as key
/// and value, ordered by the bytes of their keys.
extension AuditEntry {
    private static let version: UInt8 = 1

    /// The bytes.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = [Self.version]
        func put(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        }
        func put(_ text: String) {
            put(UInt16(text.utf8.count))
            bytes.append(contentsOf: text.utf8)
        }
        put(sequence)
        bytes += previous.bytes
        put(event.milliseconds)
        for text in [
            event.actor.kind, event.actor.id, event.actor.name, event.source, event.action, event.subject,
            event.outcome.rawValue,
        ] { put(text) }
        put(UInt8(event.detail.count))
        for (key, value) in event.detail.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            put(key)
            put(value)
        }
        return bytes
    }

    /// Reads an entry; nil for bytes that are not exactly the encoding of one.
    public init?(encoded bytes: some Collection<UInt8>) {
        var reader = Reader(rest: Array(bytes)[...])
        guard reader.byte() == Self.version, let sequence = reader.number(),
            let previous = reader.bytes(AuditHash.byteCount).flatMap({ AuditHash($0) }), let time = reader.number(),
            let kind = reader.text(), let id = reader.text(), let name = reader.text(), let source = reader.text(),
            let action = reader.text(), let subject = reader.text(),
            let outcome = reader.text().flatMap(AuditEvent.Outcome.init(rawValue:)), let count = reader.byte()
        else { return nil }
        var detail: [String: String] = [:]
        for _ in 0..<count {
            guard let key = reader.text(), let value = reader.text() else { return nil }
            detail[key] = value
        }
        self.init(
            sequence: sequence, previous: previous,
            event: AuditEvent(
                milliseconds: time, actor: .init(kind: kind, id: id, name: name), source: source, action: action,
                subject: subject, outcome: outcome, detail: detail))
        // Whatever could be written in two ways is refused here.
        guard reader.rest.isEmpty, encoded.elementsEqual(bytes) else { return nil }
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func byte() -> UInt8? { rest.popFirst() }

        mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }

        mutating func number() -> UInt64? { bytes(8)?.reduce(0) { $0 << 8 | UInt64($1) } }

        mutating func text() -> String? {
            guard let length = bytes(2)?.reduce(0, { $0 << 8 | Int($1) }), let bytes = bytes(length) else { return nil }
            return String(validating: bytes, as: UTF8.self)
        }
    }
}
