/// A key that could not be destroyed when its identity was given up.
public struct AbandonedKey: Sendable {
    /// Where it still is.
    public var place: String
    /// Why it could not be destroyed.
    public var reason: String
}
