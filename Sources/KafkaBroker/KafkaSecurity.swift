/// How a process and the servers of a cluster know each other.
public struct KafkaSecurity: Sendable {
    /// The TLS of the connections; nil for none.
    public var tls: TLS?
    /// What the process logs in with beside or instead of a certificate; nil for nothing.
    public var login: Login?

    /// TLS.
    public struct TLS: Sendable {
        /// The certificates that the servers' must come from, PEM; nil for those of the system.
        public var authoritiesPEM: String?
        /// The process's own certificate with all intermediates, and the key to it, PEM.
        public var certificate: Certificate?

        /// Describes TLS.
        public init(authoritiesPEM: String? = nil, certificate: Certificate? = nil) {
            self.authoritiesPEM = authoritiesPEM
            self.certificate = certificate
        }
    }

    /// A certificate with its key.
    public struct Certificate: Sendable, CustomStringConvertible, CustomReflectable {
        /// The certificate first, then its intermediates.
        public var chainPEM: String
        /// The private key.
        public var keyPEM: String

        /// Puts both together.
        public init(chainPEM: String, keyPEM: String) {
            self.chainPEM = chainPEM
            self.keyPEM = keyPEM
        }

        public var description: String { "certificate and key ***" }
        public var customMirror: Mirror { Mirror(self, children: [:]) }
    }

    /// A SASL login.
    public enum Login: Sendable, CustomStringConvertible, CustomReflectable {
        /// A name and a password in the clear, which needs TLS (RFC 4616).
        case plain(user: String, password: String)
        /// A name and a proof of a password, as SCRAM-SHA-256 or SCRAM-SHA-512 (RFC 5802).
        case scram(mechanism: String, user: String, password: String)
        /// Tokens that end soon (RFC 7628), fetched anew before they do.
        case oauthBearer(@Sendable () async throws -> Token)

        public var description: String {
            switch self {
            case .plain(let user, _): "PLAIN as \(user)"
            case .scram(let mechanism, let user, _): "\(mechanism) as \(user)"
            case .oauthBearer: "OAUTHBEARER"
            }
        }
        public var customMirror: Mirror { Mirror(self, children: [:]) }
    }

    /// A token for OAUTHBEARER.
    public struct Token: Sendable, CustomStringConvertible, CustomReflectable {
        /// The token itself, a JWT.
        public var value: String
        /// Who its owner is at the cluster.
        public var principal: String
        /// When it ends, in milliseconds since 1970.
        public var expiresAt: Int64

        /// Makes a token.
        public init(value: String, principal: String, expiresAt: Int64) {
            self.value = value
            self.principal = principal
            self.expiresAt = expiresAt
        }

        public var description: String { "token of \(principal) ***" }
        public var customMirror: Mirror { Mirror(self, children: [:]) }
    }

    /// Describes how both know each other; by itself: not at all, for a cluster on the own machine.
    public init(tls: TLS? = nil, login: Login? = nil) {
        self.tls = tls
        self.login = login
    }
}
