/// A dictionary that forgets what was not used for longest when it is full.
///
/// It keeps two generations: what is used moves into the younger; when that has half of the capacity it becomes the older
/// one, and what was in the older is forgotten. Each access takes the same short time.
struct BoundedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let half: Int
    private var younger: [Key: Value] = [:]
    private var older: [Key: Value] = [:]

    init(capacity: Int) {
        half = max(1, capacity / 2)
    }

    var count: Int { younger.count + older.count }

    /// Looks a value up without using it.
    func peek(_ key: Key) -> Value? { younger[key] ?? older[key] }

    /// Uses a value; a missing one is made.
    mutating func use<Result>(
        _ key: Key, or make: @autoclosure () -> Value, _ body: (inout Value) -> Result
    ) -> Result {
        var value = younger[key] ?? older.removeValue(forKey: key) ?? make()
        let result = body(&value)
        if younger[key] == nil, younger.count >= half {
            older = younger
            younger = [:]
        }
        younger[key] = value
        return result
    }

    mutating func remove(_ key: Key) {
        younger[key] = nil
        older[key] = nil
    }
}
