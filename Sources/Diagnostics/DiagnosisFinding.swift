/// How one check ended.
public struct DiagnosisFinding: Sendable, Equatable {
    /// How well it is.
    public enum Status: String, Sendable {
        /// As it must be.
        case ok
        /// It works, and somebody should look at it.
        case warn
        /// It does not work.
        case fail
        /// Nobody looked: what it rests on is not there.
        case skipped
    }

    /// How well it is.
    public var status: Status
    /// What was seen, for people.
    public var note: String
    /// What to do about it; empty where there is nothing to do.
    public var fix: String

    private init(_ status: Status, _ note: String, fix: String) {
        self.status = status
        self.note = note
        self.fix = fix
    }

    /// All is as it must be.
    public static func ok(_ note: String) -> Self { Self(.ok, note, fix: "") }
    /// It works, and somebody should look at it.
    public static func warn(_ note: String, fix: String) -> Self { Self(.warn, note, fix: fix) }
    /// It does not work.
    public static func fail(_ note: String, fix: String) -> Self { Self(.fail, note, fix: fix) }
    /// There is nothing to look at.
    public static func skipped(_ note: String) -> Self { Self(.skipped, note, fix: "") }
}
