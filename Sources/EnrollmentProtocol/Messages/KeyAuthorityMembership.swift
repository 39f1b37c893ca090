public import Foundation

/// The answer to `GET /v1/key-authority/membership`: what a Key Authority that runs elsewhere needs to cut epochs.
///
/// It believes none of this: each member comes with what proves its keys.
public struct KeyAuthorityMembership: Codable, Sendable, Equatable {
    /// Somebody who belongs to a group's next epoch.
    public struct Member: Codable, Sendable, Equatable {
        /// Who it is, 26 characters of base32.
        public var id: String
        /// `connector` or `dispatcher`.
        public var role: String
        /// The certificate of its identity key in PEM; a dispatcher of the installation has none.
        public var certificate: String?
        /// Its identity key, compressed (SEC1).
        public var identityKey: Data
        /// Its HPKE key.
        public var hpkeKey: Data
        /// By what the identity key vouches for it, as in `PUT /v1/hpke-keys`.
        public var signature: Data
        /// Until when it belongs to the group, unless something happens before; nil for no such time.
        public var until: Date?

        /// Names a member.
        public init(
            id: String, role: String, certificate: String?, identityKey: [UInt8], hpkeKey: [UInt8],
            signature: [UInt8], until: Date?
        ) {
            self.id = id
            self.role = role
            self.certificate = certificate
            self.identityKey = Data(identityKey)
            self.hpkeKey = Data(hpkeKey)
            self.signature = Data(signature)
            self.until = until
        }

        enum CodingKeys: String, CodingKey {
            case id, role, certificate, signature, until
            case identityKey = "identity_key"
            case hpkeKey = "hpke_key"
        }
    }

    /// A group with its present epoch.
    public struct Group: Codable, Sendable, Equatable {
        /// The group's id.
        public var id: String
        /// The manifest of its present epoch; nil where there is none.
        public var manifest: Data?
        /// Who belongs to the next one.
        public var members: [Member]

        /// Names a group.
        public init(id: String, manifest: [UInt8]?, members: [Member]) {
            self.id = id
            self.manifest = manifest.map { Data($0) }
            self.members = members
        }
    }

    /// Counts the changes of the membership; asked with the same number, the tenant answers 204 while nothing changed.
    public var changes: Int64
    /// The suite of the next epochs.
    public var suite: Int
    /// The intermediates that have signed the members' certificates, in PEM.
    public var intermediates: [String]
    /// The groups.
    public var groups: [Group]

    /// Makes an answer.
    public init(changes: Int64, suite: Int, intermediates: [String], groups: [Group]) {
        self.changes = changes
        self.suite = suite
        self.intermediates = intermediates
        self.groups = groups
    }
}
