/// What a request is for, by which it is limited.
public enum RouteClass: String, Sendable, CaseIterable {
    /// What anyone may read.
    case open
    /// Invitations become identities.
    case registration
    /// Assertions become access tokens.
    case token
    /// What registered members ask for; limited for each member and not by source, since a fleet may share an address.
    case member
    /// What administrators do.
    case administration
}
