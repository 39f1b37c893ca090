public import Foundation

/// What a registration has just done, for a person who watches.
public enum RegistrationStep: Sendable, Equatable, CustomStringConvertible {
    /// The state folder can be used.
    case stateFolder(path: String)
    /// What shall hold the key, or holds it, is there and lets us in.
    case keyHolder(place: String)
    /// The server showed the certificates that the invitation pins.
    case server(endpoint: String, issuer: String)
    /// A connection under the final trust rule works.
    case connection(trust: String)
    /// The local clock differs from the tenant's by so many seconds.
    case clock(offset: Int)
    /// The key is on the disk, or in the token.
    case key(words: String)
    /// An administrator has to approve the key, and is waited for.
    case approval(id: String, words: String, until: Date)
    /// The tenant certified the key.
    case certificate(connector: String, notAfter: Date)
    /// The identity is on the disk.
    case saved(path: String)
    /// The tenant knows the machine by its certificate.
    case heartbeat(groups: [String])

    public var description: String {
        switch self {
        case .stateFolder(let path): "The state folder \(path) is safe and can be written."
        case .keyHolder(let place): "The token of \(place) is there and takes the PIN."
        case .server(let endpoint, let issuer): "\(endpoint) is the tenant of the invitation (TLS issuer: \(issuer))."
        case .connection(let trust): "Connections are checked against \(trust)."
        case .clock(let offset) where abs(offset) <= 60: "The clock is right."
        case .clock(let offset):
            "Warning: this machine's clock is \(ClockDifference(seconds: offset)); the tenant's time is used."
        case .key(let words): "The key is made; its words are \(words)."
        case .approval(let id, let words, let until):
            """
            Waiting until an administrator approves it (at the latest \(until.ISO8601Format())).
              Compare the words with whoever does: \(words)
              There: posternctl connectors approve \(id)
            """
        case .certificate(let connector, let notAfter):
            "The tenant certified it: connector \(connector), valid until \(notAfter.ISO8601Format())."
        case .saved(let path): "The identity is saved in \(path)."
        case .heartbeat(let groups) where groups.isEmpty: "The tenant knows this machine; it is in no group yet."
        case .heartbeat(let groups): "The tenant knows this machine; it serves \(groups.joined(separator: ", "))."
        }
    }
}
