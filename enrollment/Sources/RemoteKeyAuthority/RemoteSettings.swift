public import Foundation
public import IdentityStore
public import MachineIdentity

/// What a Key Authority on a machine of its own knows: `key-authority.json` in its state folder.
///
/// Beside it lie the keys, one for each tenant, under the names that they have in an installation.
public struct RemoteSettings: Codable, Sendable, Equatable {
    /// The name of the file.
    public static let file = "key-authority.json"

    /// A dispatcher of the installation, whose key no certificate names.
    public struct Dispatcher: Codable, Sendable, Equatable {
        /// Its id.
        public var id: String
        /// Its identity key, compressed.
        public var identityKey: Data

        /// Names a dispatcher.
        public init(id: String, identityKey: [UInt8]) {
            self.id = id
            self.identityKey = Data(identityKey)
        }

        enum CodingKeys: String, CodingKey {
            case id
            case identityKey = "identity_key"
        }
    }

    /// A tenant whose epochs are cut here.
    public struct Tenant: Codable, Sendable, Equatable {
        /// Its id.
        public var id: String
        /// Its name in certificates.
        public var slug: String
        /// The file of its key.
        public var keyFile: String

        /// Names a tenant.
        public init(id: String, slug: String, keyFile: String) {
            self.id = id
            self.slug = slug
            self.keyFile = keyFile
        }

        enum CodingKeys: String, CodingKey {
            case id, slug
            case keyFile = "key_file"
        }
    }

    /// Where the enrollment service is, as `https://host[:port]`.
    public var tenantURL: String
    /// Whom to believe there.
    public var serverTrust: ServerTrust
    /// The installation in the certificates' names.
    public var trustDomain: String
    /// The installation's root in PEM.
    public var root: String
    /// Its dispatchers.
    public var dispatchers: [Dispatcher]
    /// The tenants.
    public var tenants: [Tenant]
    /// After how many seconds a group gets its next epoch.
    public var epochInterval: Int
    /// How many seconds an epoch lasts at most.
    public var epochLife: Int

    /// Makes settings.
    public init(
        tenantURL: String, serverTrust: ServerTrust, trustDomain: String, root: String, dispatchers: [Dispatcher],
        tenants: [Tenant], epochInterval: Int, epochLife: Int
    ) {
        self.tenantURL = tenantURL
        self.serverTrust = serverTrust
        self.trustDomain = trustDomain
        self.root = root
        self.dispatchers = dispatchers
        self.tenants = tenants
        self.epochInterval = epochInterval
        self.epochLife = epochLife
    }

    enum CodingKeys: String, CodingKey {
        case root, dispatchers, tenants
        case tenantURL = "tenant_url"
        case serverTrust = "server_trust"
        case trustDomain = "trust_domain"
        case epochInterval = "epoch_interval_seconds"
        case epochLife = "epoch_life_seconds"
    }

    /// Reads the settings of a folder; nil where it holds none.
    public static func read(from folder: StateFolder) throws -> RemoteSettings? {
        guard folder.exists, let content = try folder.read(file) else { return nil }
        try folder.check()
        return try JSONDecoder().decode(RemoteSettings.self, from: Data(content))
    }

    /// Writes them into a folder.
    public func write(to folder: StateFolder) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try folder.write(try encoder.encode(self) + Data("\n".utf8), to: Self.file)
    }
}
