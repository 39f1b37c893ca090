import RelayFormat
import RelaySealing

/// A part of a sealed message, and for which reasons it is refused when that part is not its own.
struct MessagePart {
    let name: String
    let bytes: Range<Int>
    let reasons: Set<SealingError.Code>

    init(_ name: String, _ bytes: Range<Int>, _ reasons: Set<SealingError.Code>) {
        (self.name, self.bytes, self.reasons) = (name, bytes, reasons)
    }

    /// The fields of a header by name.
    static let fields: [(name: String, bytes: Range<Int>)] = [
        ("magic", 0..<4), ("kind", 4..<5), ("suite", 5..<6), ("flags", 6..<8), ("tenant", 8..<24), ("group", 24..<40),
        ("epoch", 40..<44), ("attempt", 44..<48), ("sender", 48..<64), ("boot", 64..<80), ("sequence", 80..<88),
        ("message", 88..<104), ("correlation", 104..<120), ("issued-at", 120..<128),
    ]

    /// How many bytes stand behind the tag.
    static func proofSize(of payload: [UInt8], _ header: RelayHeader) -> Int {
        guard case .group = header.kind.sealing else { return 0 }
        let start = payload.count - 66
        let (leaf, count) = (Int(payload[start]), Int(payload[start + 1]) + 1)
        return 66 + 32 * pathLength(leaf: leaf, count: count)
    }

    /// The length of an audit path (RFC 6962 section 2.1.1).
    private static func pathLength(leaf: Int, count: Int) -> Int {
        guard count > 1 else { return 0 }
        var left = 1
        while left * 2 < count { left *= 2 }
        return 1
            + (leaf < left ? pathLength(leaf: leaf, count: left) : pathLength(leaf: leaf - left, count: count - left))
    }

    /// All parts of a message that is delivered where it belongs.
    static func parts(of payload: [UInt8], _ header: RelayHeader, at place: PlaceKind) -> [MessagePart] {
        let isForGroup = if case .group = header.kind.sealing { true } else { false }
        let proof = payload.count - proofSize(of: payload, header)
        let foreignGroup: SealingError.Code =
            place == .group ? .foreignGroup : isForGroup ? .unknownEpoch : .unknownSession
        let header: [MessagePart] = fields.map { field in
            let reasons: Set<SealingError.Code> =
                switch field.name {
                case "magic", "flags": [.malformed]
                case "kind": [.malformed, .wrongKind, .commitment]
                case "suite": [.malformed, .wrongSuite]
                case "tenant": [.foreignTenant]
                case "group": [foreignGroup]
                case "epoch": isForGroup ? [.unknownEpoch, .expiredEpoch, .commitment] : [.unknownSession]
                case "sender": isForGroup ? [.senderUnknown] : [.unknownSession]
                case "boot": isForGroup ? [.commitment] : [.unknownSession]
                case "issued-at": [.commitment, .stale]
                default: [.commitment]
                }
            return MessagePart(field.name, field.bytes, reasons)
        }
        var parts = header + [MessagePart("commitment", 128..<160, [.commitment])]
        parts.append(MessagePart("ciphertext and tag", 160..<proof, isForGroup ? [.signature] : [.decryption]))
        guard isForGroup else { return parts }
        let end = payload.count
        if proof < end - 66 { parts.append(MessagePart("path", proof..<end - 66, [.signature])) }
        parts.append(
            MessagePart("place in the batch", end - 66..<end - 64, [.malformed, .signature, .commitment]))
        parts.append(MessagePart("signature", end - 64..<end, [.signature]))
        return parts
    }

    /// The message with one byte of the part changed, for each of its bytes; of bodies of many
    /// KiB for each 211th.
    func flips(of payload: [UInt8]) -> [[UInt8]] {
        let step = bytes.count > 8192 ? 211 : 1
        let flips = stride(from: bytes.lowerBound, to: bytes.upperBound, by: step).map { position in
            var changed = payload
            changed[position] ^= 1 << (position % 8)
            return changed
        }
        guard name == "suite" else { return flips }
        // Another suite that there is, and none at all.
        return flips
            + (UInt8(0)...2).filter { $0 != payload[bytes.lowerBound] }.map { suite in
                var changed = payload
                changed[bytes.lowerBound] = suite
                return changed
            }
    }
}

/// What kind of place a message was on its way to.
enum PlaceKind {
    case group
    case inbox
    case presence
}
