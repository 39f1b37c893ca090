internal import Synchronization

/// The batches whose signature was found to be right, so that it is verified once for all their messages.
public final class VerifiedBatches: Sendable {
    /// Names a batch; hashed as one run of bytes.
    struct Name: Hashable {
        private let bytes: [UInt8]

        init(senderKey: [UInt8], signature: ArraySlice<UInt8>, count: Int) {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(senderKey.count + signature.count + 1)
            bytes += senderKey
            bytes += signature
            bytes.append(UInt8(truncatingIfNeeded: count - 1))
            self.bytes = bytes
        }

        func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
    }

    private struct Memory {
        var known: [Name: KnownNodes] = [:]
        /// In the order of their coming, as a ring.
        var order: [Name] = []
        var oldest = 0
    }

    private let capacity: Int
    private let memory = Mutex(Memory())

    /// Makes a memory for so many batches; a new one takes the place of the oldest.
    public init(capacity: Int = 256) { self.capacity = max(1, capacity) }

    /// How many batches are remembered.
    public var count: Int { memory.withLock { $0.known.count } }

    subscript(_ name: Name) -> KnownNodes? { memory.withLock { $0.known[name] } }

    func insert(_ nodes: KnownNodes, as name: Name) {
        memory.withLock { memory in
            guard memory.known[name] == nil else { return }
            memory.known[name] = nodes
            guard memory.order.count == capacity else {
                memory.order.append(name)
                return
            }
            memory.known[memory.order[memory.oldest]] = nil
            memory.order[memory.oldest] = name
            memory.oldest = (memory.oldest + 1) % capacity
        }
    }
}
