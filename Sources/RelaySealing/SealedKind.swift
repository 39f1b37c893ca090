public import RelayFormat

/// How messages of a kind are sealed, and who may send them.
public enum SealedKind: Sendable, Equatable {
    /// For the group, signed by a member of that role.
    case group(MemberRole)
    /// Within a session, by its end of that role.
    case session(MemberRole)
}

extension MessageKind {
    /// How messages of this kind are sealed, and who may send them.
    public var sealing: SealedKind {
        switch self {
        case .request, .invite: .group(.dispatcher)
        case .hello, .beat: .group(.connector)
        case .receipt, .grant, .ask, .cancel, .goAway, .pong, .welcome: .session(.dispatcher)
        case .accepted, .claim, .return, .response, .known, .ping: .session(.connector)
        }
    }

    /// Whether it is sealed for a group and signed, and not for one session.
    public var isForGroup: Bool { if case .group = sealing { true } else { false } }
}
