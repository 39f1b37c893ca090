public import struct Foundation.Data
internal import Crypto

/// `PUT /v1/hpke-keys`: the key to which secrets are sealed for the caller from now on.
///
/// The same request, sent again, changes nothing.
public struct HPKEKeyRequest: EnrollmentRequest, Equatable {
    /// The suite: 1 is X25519, 2 is X-Wing.
    public var suite: Int
    /// The public key.
    public var key: Data
    /// The signature by the certified key over the suite and the key: r and s, 64 bytes.
    public var signature: Data

    /// Makes a request.
    public init(suite: Int, key: [UInt8], signature: [UInt8]) {
        self.suite = suite
        self.key = Data(key)
        self.signature = Data(signature)
    }

    enum CodingKeys: String, CodingKey, CaseIterable { case suite, key, signature }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// Stands for an HPKE key that the tenant has on file.
public struct HPKEKeyDigest: Codable, Sendable, Hashable {
    /// The suite.
    public var suite: Int
    /// The SHA-256 of the key, 64 lower-case hexadecimal digits.
    public var sha256: String

    /// Digests a key.
    public init(suite: Int, key: [UInt8]) {
        self.suite = suite
        sha256 = SHA256.hash(data: key).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}

/// The present epoch of a group.
public struct EpochReference: Codable, Sendable, Hashable {
    /// The group's id, 26 characters of base32.
    public var group: String
    /// The epoch's number.
    public var epoch: UInt32

    /// Names an epoch.
    public init(group: String, epoch: UInt32) {
        self.group = group
        self.epoch = epoch
    }
}

/// The answer to `GET /v1/key-authority`: the tenant's Key Authority, and how its key came after the ones before.
public struct KeyAuthorityAnswer: Codable, Sendable, Equatable {
    /// By which statement a key came after another.
    public struct Succession: Codable, Sendable, Equatable {
        /// The statement, signed by the key before and by an authority of the installation.
        public var statement: Data
        /// The certificate of that authority in PEM: an intermediate that the root has signed.
        public var authority: String

        /// Makes a succession.
        public init(statement: [UInt8], authority: String) {
            self.statement = Data(statement)
            self.authority = authority
        }
    }

    /// The present key.
    public var keyAuthority: KeyAuthorityReference
    /// How it came to that key, oldest first.
    public var successions: [Succession]

    /// Makes an answer.
    public init(keyAuthority: KeyAuthorityReference, successions: [Succession]) {
        self.keyAuthority = keyAuthority
        self.successions = successions
    }

    enum CodingKeys: String, CodingKey {
        case successions
        case keyAuthority = "key_authority"
    }
}
