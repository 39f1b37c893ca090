/// Which part of a list is asked for.
struct PageRange: Sendable {
    static let longest = 1000
    static let usual = 500

    /// The key after which the part begins.
    var after: String
    /// The most items.
    var limit: Int

    init(after: String = "", limit: Int = usual) {
        self.after = after
        self.limit = limit
    }

    /// One more than asked for, which tells whether there is a next part.
    var fetchLimit: Int { limit + 1 }
}
