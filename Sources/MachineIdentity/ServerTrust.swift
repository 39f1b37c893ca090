/// Whom a client believes when a server shows its TLS certificate; the host name is checked in every case.
public enum ServerTrust: Sendable, Hashable, Codable {
    /// Only the installation's own root, in PEM.
    case installation(rootPEM: String)
    /// The authorities in a file of PEM certificates, which is read anew at each start.
    case file(path: String)
    /// The authorities that the operating system trusts.
    case system
}
