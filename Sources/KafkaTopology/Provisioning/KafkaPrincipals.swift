public import RelayFormat

/// What a cluster calls the members of the relay.
///
/// A pattern holds `{member}` where the id stands: `User:{member}` with tokens, and with certificates where
/// `ssl.principal.mapping.rules` takes the id out of the subject; `User:CN={member}` where nothing maps.
public struct KafkaPrincipals: Sendable, Hashable {
    private static let place = "{member}"
    private let before: String
    /// Nil where all members have one name.
    private let after: String?

    /// Names by a pattern; nil for one without `{member}`, or with more than one.
    public init?(pattern: String) {
        let parts = pattern.split(separator: Self.place, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].contains(":"), !pattern.contains(where: \.isNewline) else { return nil }
        self.init(before: String(parts[0]), after: String(parts[1]))
    }

    private init(before: String, after: String?) {
        self.before = before
        self.after = after
    }

    /// `User:{member}`.
    public static let usual = KafkaPrincipals(before: "User:", after: "")

    /// One name for all members, as where they share a password.
    public static func shared(_ principal: String) -> KafkaPrincipals { KafkaPrincipals(before: principal, after: nil) }

    /// Whether all members have one name.
    public var isShared: Bool { after == nil }

    /// The pattern, or the name of all.
    public var pattern: String { after.map { before + Self.place + $0 } ?? before }

    /// What a cluster calls a member.
    public func name(of member: MemberID) -> String { after.map { "\(before)\(member)\($0)" } ?? before }

    /// Whether a principal looks like one of a member; those of people and other programs do not.
    public func isMember(_ principal: String) -> Bool {
        guard let after else { return principal == before }
        guard principal.hasPrefix(before), principal.hasSuffix(after) else { return false }
        return MemberID(principal.dropFirst(before.count).dropLast(after.count)) != nil
    }
}
