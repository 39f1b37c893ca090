public import RelayFormat

/// Whether a connector takes work, and what people said about it.
public struct ConnectorStanding: Sendable, Equatable {
    /// Whether it takes work.
    public var readiness: BeatMessage.Readiness
    /// Why not, in the words of whoever ordered it; empty otherwise.
    public var note: String
    /// When a pause ends by itself; nil when it does not.
    public var until: RelayTime?

    /// Describes a standing.
    public init(_ readiness: BeatMessage.Readiness, note: String = "", until: RelayTime? = nil) {
        self.readiness = readiness
        self.note = note
        self.until = until
    }
}
