/// Something that happened and shall be on record: who did what, from where, and how it ended.
///
/// It never holds a secret. Every text is cut to its bound, so that nobody can fill the log with one request.
public struct AuditEvent: Sendable, Equatable {
    /// Who did it.
    public struct Actor: Sendable, Equatable {
        /// What they are, as in `administrator`, `api-key`, `connector`, `service`, `operator`, `unknown`.
        public var kind: String
        /// Their id; empty where there is none.
        public var id: String
        /// Their name for people; empty where there is none.
        public var name: String

        /// Names somebody.
        public init(kind: String, id: String = "", name: String = "") {
            self.kind = AuditEvent.cut(kind, AuditEvent.longestWord)
            self.id = AuditEvent.cut(id, AuditEvent.longestText)
            self.name = AuditEvent.cut(name, AuditEvent.longestText)
        }

        /// Somebody who has shown no valid credential.
        public static let unknown = Actor(kind: "unknown")
        /// The program itself.
        public static let service = Actor(kind: "service")
    }

    /// How it ended.
    public enum Outcome: String, Sendable, CaseIterable, Codable {
        /// It is done.
        case done
        /// It was not permitted, or not possible as it was asked.
        case refused
        /// It was permitted and went wrong.
        case failed
        /// The program ended while it was done; whether it took effect has to be looked for.
        case interrupted
    }

    /// The longest name of a kind or an action, in bytes.
    public static let longestWord = 64
    /// The longest other text, in bytes.
    public static let longestText = 255
    /// The most details.
    public static let mostDetails = 16

    /// When, in milliseconds since 1970.
    public var milliseconds: UInt64
    /// Who.
    public var actor: Actor
    /// The address from which it came; empty for what happened on this machine.
    public var source: String
    /// What was done, as in `connectors.revoke`.
    public var action: String
    /// To what it was done.
    public var subject: String
    /// How it ended.
    public var outcome: Outcome
    /// What else is worth keeping.
    public var detail: [String: String]

    /// Describes what happened.
    public init(
        milliseconds: UInt64, actor: Actor, source: String = "", action: String, subject: String = "",
        outcome: Outcome = .done, detail: [String: String] = [:]
    ) {
        self.milliseconds = milliseconds
        self.actor = actor
        self.source = Self.cut(source, Self.longestText)
        self.action = Self.cut(action, Self.longestWord)
        self.subject = Self.cut(subject, Self.longestText)
        self.outcome = outcome
        self.detail = Dictionary(
            detail.sorted { $0.key < $1.key }.prefix(Self.mostDetails).map {
                (Self.cut($0.key, Self.longestWord), Self.cut($0.value, Self.longestText))
            }, uniquingKeysWith: { first, _ in first })
    }

    /// The longest beginning of whole characters that fits.
    private static func cut(_ text: String, _ limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        var rest = limit
        let kept = text.unicodeScalars.prefix { scalar in
            rest -= UTF8.width(scalar)
            return rest >= 0
        }
        return String(String.UnicodeScalarView(kept))
    }
}
