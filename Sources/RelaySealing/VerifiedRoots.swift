internal import Synchronization

/// The batches whose signature was found to be right, so that it is verified once for all their messages.
public final class VerifiedRoots: Sendable {
    /// Names a batch; hashed as one run of bytes.
    struct Name: Hashable {
        private let bytes: [UInt8]

        init(senderKey: [UInt8], signed: [UInt8], signature: ArraySlice<UInt8>) {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(senderKey.count + signed.count + signature.count)
            bytes += senderKey
            bytes += signed
            bytes += signature
            self.bytes = bytes
        }

        func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
    }

    private struct Memory {
        var known: Set<Name> = []
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

    func contains(_ name: Name) -> Bool { memory.withLock { $0.known.contains(name) } }

    func insert(_ name: Name) {
        memory.withLock { memory in
            guard memory.known.insert(name).inserted else { return }
            guard memory.order.count == capacity else {
                memory.order.append(name)
                return
            }
            memory.known.remove(memory.order[memory.oldest])
            memory.order[memory.oldest] = name
            memory.oldest = (memory.oldest + 1) % capacity
        }
    }
}
