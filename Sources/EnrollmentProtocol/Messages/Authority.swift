/// `GET /v1/ca`: whom the installation trusts.
public struct AuthorityAnswer: Codable, Sendable, Equatable {
    /// The trust domain in the names of certificates.
    public var trustDomain: String
    /// The root certificate and the intermediate one, in PEM, the root first.
    public var certificates: [String]
    /// The keys that the certificates hold.
    public var pins: Pins

    /// The pins of an installation.
    public struct Pins: Codable, Sendable, Equatable {
        /// Of the key that issued the server's TLS certificate.
        public var serverIssuer: Pin
        /// Of the root's key.
        public var authority: Pin

        /// Makes a pair of pins.
        public init(serverIssuer: Pin, authority: Pin) {
            self.serverIssuer = serverIssuer
            self.authority = authority
        }

        enum CodingKeys: String, CodingKey {
            case serverIssuer = "server_issuer"
            case authority
        }
    }

    /// Makes an answer.
    public init(trustDomain: String, certificates: [String], pins: Pins) {
        self.trustDomain = trustDomain
        self.certificates = certificates
        self.pins = pins
    }

    enum CodingKeys: String, CodingKey {
        case trustDomain = "trust_domain"
        case certificates, pins
    }
}
