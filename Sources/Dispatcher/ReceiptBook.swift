internal import RelayFormat

/// Receipts that wait a moment for others: one message then confirms many answers, and nobody waits for it meanwhile.
struct ReceiptBook {
    /// As many for one boot are said at once, whatever room it has.
    private static let most = 256
    /// How long the first of them waits; a connector repeats an answer only after a second.
    static let pause = Duration.milliseconds(25)

    private var waiting: [BootID: [RequestID]] = [:]

    /// Whether nothing waits.
    var isEmpty: Bool { waiting.isEmpty }

    /// Takes receipts in, and gives those back that are to be said now.
    ///
    /// - Parameter room: how many requests the boot has in hand at the most. What is answered takes room until its receipt
    ///   comes, so no more than an eighth of it waits; nil when that is not known.
    mutating func add(_ ids: [RequestID], for boot: BootID, room: Int?) -> [RequestID] {
        let all = waiting.removeValue(forKey: boot).map { $0 + ids } ?? ids
        guard all.count < min(Self.most, (room ?? .max) / 8) else { return all }
        waiting[boot] = all
        return []
    }

    /// Gives all of them back.
    mutating func takeAll() -> [BootID: [RequestID]] {
        defer { waiting = [:] }
        return waiting
    }
}
