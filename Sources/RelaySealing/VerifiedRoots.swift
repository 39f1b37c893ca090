internal import Synchronization

/// The batches whose signature was found to be right, so that it is verified once for all their messages.
public final class VerifiedRoots: Sendable {
    private struct Memory {
        var known: Set<[UInt8]> = []
        /// In the order of their coming, as a ring.
        var order: [[UInt8]] = []
        var oldest = 0
    }

    private let capacity: Int
    private let memory = Mutex(Memory())

    /// Makes a memory for so many batches; a new one takes the place of the oldest.
    public init(capacity: Int = 256) { self.capacity = max(1, capacity) }

    /// How many batches are remembered.
    public var count: Int { memory.withLock { $0.known.count } }

    /// A batch: the sender's key, what was signed, and the signature.
    static func name(senderKey: [UInt8], signed: [UInt8], signature: ArraySlice<UInt8>) -> [UInt8] {
        senderKey + signed + signature
    }

    func contains(_ name: [UInt8]) -> Bool { memory.withLock { $0.known.contains(name) } }

    func insert(_ name: [UInt8]) {
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
