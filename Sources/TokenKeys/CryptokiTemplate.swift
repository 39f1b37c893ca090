internal import CPKCS11

/// Attributes of a key, as a call wants them.
struct CryptokiTemplate {
    private var entries: [(type: CK_ATTRIBUTE_TYPE, value: [UInt8])] = []

    mutating func add(_ type: CK_ATTRIBUTE_TYPE, _ value: [UInt8]) { entries.append((type, value)) }

    mutating func add(_ type: CK_ATTRIBUTE_TYPE, _ value: Bool) { add(type, [value ? 1 : 0]) }

    mutating func add(_ type: CK_ATTRIBUTE_TYPE, _ value: CK_ULONG) {
        add(type, withUnsafeBytes(of: value) { Array($0) })
    }

    /// Hands the attributes to a call, which may not keep them.
    func lend<Result>(_ body: (UnsafeMutablePointer<CK_ATTRIBUTE>, CK_ULONG) -> Result) -> Result {
        // Each value begins where a number may stand.
        let starts = entries.reduce(into: [0]) { $0.append(($0[$0.count - 1] + $1.value.count + 7) & ~7) }
        return withUnsafeTemporaryAllocation(byteCount: max(8, starts[entries.count]), alignment: 8) { values in
            withUnsafeTemporaryAllocation(of: CK_ATTRIBUTE.self, capacity: max(1, entries.count)) { attributes in
                guard let first = attributes.baseAddress, let memory = values.baseAddress else {
                    preconditionFailure("at least one byte was allocated")
                }
                for (index, entry) in entries.enumerated() {
                    let place = memory + starts[index]
                    place.copyMemory(from: entry.value, byteCount: entry.value.count)
                    (first + index).initialize(
                        to: CK_ATTRIBUTE(type: entry.type, pValue: place, ulValueLen: CK_ULONG(entry.value.count)))
                }
                return body(first, CK_ULONG(entries.count))
            }
        }
    }
}
