public import EnrollmentProtocol
internal import Foundation
public import KafkaTopology

/// The Kafka cluster of an installation: the section `kafka` of `installation.json`.
///
/// Certificates, keys and passwords lie beside it in the state folder (`KafkaFile`), never in it.
public struct KafkaSettings: Codable, Sendable, Equatable {
    /// Who makes topics and access rules.
    public enum Provision: String, Codable, Sendable, CaseIterable {
        /// The tenant, by the cluster's own interface.
        case own = "self"
        /// Somebody else: the tenant only says what is missing.
        case external
    }

    /// One side's way to the cluster.
    public struct Side: Codable, Sendable, Equatable {
        /// Servers to begin with, `host:port` by commas.
        public var bootstrap: String
        /// How it proves who it is.
        public var mechanism: KafkaMechanism
        /// Whether its connections are TLS.
        public var tls: Bool
        /// Its user, for `plain` and `scram`; all connectors have the same one.
        public var user: String?
        /// Settings of librdkafka that are passed on as they are.
        public var properties: [String: String]

        /// Describes a way.
        public init(
            bootstrap: String, mechanism: KafkaMechanism = .none, tls: Bool = false, user: String? = nil,
            properties: [String: String] = [:]
        ) {
            self.bootstrap = bootstrap
            self.mechanism = mechanism
            self.tls = tls
            self.user = user
            self.properties = properties
        }
    }

    /// The way of the tenant's own processes.
    public var tenant: Side
    /// The way of the connectors.
    public var connectors: Side
    /// Where places lie.
    public var layout: KafkaLayout
    /// Who makes topics and access rules.
    public var provision: Provision
    /// On how many servers each topic lies.
    public var replication: Int
    /// What else is said of topics and rules of access; as usual where nothing is.
    public var provisioning: KafkaProvisioning?

    /// Describes a cluster with which both sides speak in the same way.
    public init(
        bootstrap: String, layout: KafkaLayout = .init(), provision: Provision = .own, replication: Int = 3
    ) {
        tenant = Side(bootstrap: bootstrap)
        connectors = Side(bootstrap: bootstrap)
        self.layout = layout
        self.provision = provision
        self.replication = replication
    }

    /// What is wrong with the settings, for people; nil when nothing is.
    public var flaw: String? {
        if let flaw = layout.flaw { return flaw }
        if !(1...10).contains(replication) { return "the replication needs 1 to 10" }
        if let flaw = topicRules.flaw ?? provisioning?.flaw { return flaw }
        if let flaw = Self.flaw(of: tenant) { return "the tenant's way to Kafka: \(flaw)" }
        if let flaw = Self.flaw(of: connectors) ?? KafkaProperties.flaw(in: connectors.properties) {
            return "the connectors' way to Kafka: \(flaw)"
        }
        return nil
    }

    private static func flaw(of side: Side) -> String? {
        let servers = side.bootstrap.split(separator: ",", omittingEmptySubsequences: false)
        var isLocal = true
        for server in servers {
            guard let colon = server.lastIndex(of: ":"), let port = UInt16(server[server.index(after: colon)...]),
                port > 0, isHost(server[..<colon])
            else { return "“\(server.prefix(80))” is no server of the form host:port" }
            isLocal = isLocal && ["127.0.0.1", "localhost", "[::1]"].contains(String(server[..<colon]))
        }
        switch side.mechanism {
        case .mutualTLS where !side.tls: return "mtls needs TLS"
        // Whoever listens on the way would have the token or the password.
        case .plain where !side.tls && !isLocal, .oauthBearer where !side.tls && !isLocal:
            return "\(side.mechanism.rawValue) needs TLS, unless all servers are on this machine"
        default: break
        }
        guard side.mechanism.hasPassword else {
            return side.user == nil ? nil : "\(side.mechanism.rawValue) takes no user"
        }
        guard let user = side.user, !user.isEmpty, user.utf8.count <= 1024,
            user.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f })
        else { return "\(side.mechanism.rawValue) needs a user" }
        return nil
    }

    private static func isHost(_ text: Substring) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 255 else { return false }
        let name = text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text
        let isAddress = name.count != text.count
        return !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                case UInt8(ascii: ":"): isAddress
                default: false
                }
            }
    }
}

/// A file of the state folder that belongs to the settings of Kafka.
public enum KafkaFile: String, Sendable, CaseIterable {
    /// The certificates that the servers' must come from, for the tenant's own processes.
    case authorities = "kafka-ca.pem"
    /// The tenant's certificate at the cluster with what leads to its root.
    case certificate = "kafka-cert.pem"
    /// The key to it.
    case certificateKey = "kafka-tls.key"
    /// The tenant's password at the cluster.
    case password = "kafka-password.key"
    /// The certificates that the servers' must come from, for connectors.
    case connectorAuthorities = "kafka-connectors-ca.pem"
    /// The connectors' password at the cluster.
    case connectorPassword = "kafka-connectors-password.key"
}
