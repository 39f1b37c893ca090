/// Why a server ends a link: the codes of `ServerMessage.refused`, stable on the wire.
public enum LinkRefusal: UInt8, Sendable, CaseIterable {
    /// The credential or its proof is not valid; a fresh one may be.
    case unauthenticated = 1
    /// The credential ended before it was refreshed.
    case expired = 2
    /// The member was revoked.
    case revoked = 3
    /// The member may not have a link.
    case denied = 4
    /// A newer boot of the same member has taken over.
    case replaced = 5
    /// The client broke the protocol of the link.
    case malformed = 6
    /// The server has too many links or too much work.
    case overloaded = 7
    /// The server is going away.
    case shuttingDown = 8
    /// The same boot has opened a newer link.
    case superseded = 9
    /// The member is frozen until an administrator of the tenant lets it in again.
    case frozen = 10

    /// Whether connecting again is of no use.
    public var isFatal: Bool {
        switch self {
        case .revoked, .denied, .replaced: true
        case .unauthenticated, .expired, .malformed, .overloaded, .shuttingDown, .superseded, .frozen: false
        }
    }
}
