public import struct Foundation.Data
public import KafkaTopology

/// A Kafka cluster as a member reaches it, in the answer to `POST /v1/queue-credentials`.
public struct KafkaEndpoint: Codable, Sendable, Equatable {
    /// Servers to begin with, `host:port` by commas.
    public var bootstrap: String
    /// Where the places lie.
    public var layout: KafkaLayout
    /// How the member proves who it is, and knows the servers.
    public var security: Security
    /// Settings of librdkafka beside the usual ones; a member takes the harmless ones alone.
    public var properties: [String: String]

    /// How a member and the servers know each other.
    public struct Security: Codable, Sendable, Equatable {
        /// The name of a `KafkaMechanism`.
        public var mechanism: String
        /// Whether the connections are TLS.
        public var tls: Bool
        /// The certificates that the servers' must come from, PEM; nil for those of the member's system.
        public var authorities: String?
        /// Who the member is at the cluster; nil where all members are the same one there.
        public var principal: String?
        /// The user of `plain` and `scram`.
        public var user: String?
        /// The password to it.
        public var secret: SealedSecret?

        /// Makes a description.
        public init(
            mechanism: KafkaMechanism, tls: Bool, authorities: String? = nil, principal: String? = nil,
            user: String? = nil, secret: SealedSecret? = nil
        ) {
            self.mechanism = mechanism.rawValue
            self.tls = tls
            self.authorities = authorities
            self.principal = principal
            self.user = user
            self.secret = secret
        }
    }

    /// A password that only one member can open, by its HPKE key.
    public struct SealedSecret: Codable, Sendable, Equatable {
        /// The suite of the HPKE key.
        public var suite: Int
        /// The public HPKE key of the member that it is sealed to.
        public var key: Data
        /// The encapsulated key and the ciphertext.
        public var sealed: Data

        /// Makes a message.
        public init(suite: Int, key: [UInt8], sealed: [UInt8]) {
            self.suite = suite
            self.key = Data(key)
            self.sealed = Data(sealed)
        }
    }

    /// Makes a description.
    public init(bootstrap: String, layout: KafkaLayout, security: Security, properties: [String: String] = [:]) {
        self.bootstrap = bootstrap
        self.layout = layout
        self.security = security
        self.properties = properties
    }
}

/// How a process proves to a Kafka cluster who it is.
public enum KafkaMechanism: String, Codable, Sendable, CaseIterable {
    /// Not at all.
    case none
    /// By the certificate of its TLS.
    case mutualTLS = "mtls"
    /// By a token of the tenant (RFC 7628, KIP-768).
    case oauthBearer = "oauthbearer"
    /// By user and password in the clear (RFC 4616), inside TLS.
    case plain
    /// By user and a proof of the password (RFC 5802).
    case scramSHA256 = "scram-sha-256"
    /// The same with the longer hash.
    case scramSHA512 = "scram-sha-512"

    /// Whether it takes user and password.
    public var hasPassword: Bool {
        switch self {
        case .plain, .scramSHA256, .scramSHA512: true
        case .none, .mutualTLS, .oauthBearer: false
        }
    }
}
