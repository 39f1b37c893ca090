internal import Foundation

/// What certificates of one kind look like, as data: `enrollment/profiles/<name>.json`.
///
/// The files are what people read and change; the compiled-in values are the same, and a test holds them together.
public struct CertificateProfile: Sendable, Equatable, Codable {
    /// A bit of KeyUsage.
    public enum KeyUsageBit: String, Sendable, Codable {
        case digitalSignature, keyCertSign, cRLSign
    }
    /// A purpose of ExtendedKeyUsage.
    public enum Purpose: String, Sendable, Codable {
        case clientAuth, serverAuth
    }

    /// How long a certificate lives unless less or more is asked for.
    public var lifetime: Int
    /// The most that can be asked for.
    public var longestLifetime: Int
    /// How many seconds before its making a certificate begins, for clocks that are behind.
    public var backdate: Int
    /// How many authorities may stand below; nil for a leaf.
    public var pathLength: Int?
    /// What the key may do.
    public var keyUsage: [KeyUsageBit]
    /// What the certificate is for; empty for an authority.
    public var extendedKeyUsage: [Purpose]

    enum CodingKeys: String, CodingKey {
        case lifetime = "lifetime_seconds"
        case longestLifetime = "longest_lifetime_seconds"
        case backdate = "backdate_seconds"
        case pathLength = "path_length"
        case keyUsage = "key_usage"
        case extendedKeyUsage = "extended_key_usage"
    }

    /// Reads a profile from JSON and checks it.
    public init(json: some Sequence<UInt8>) throws(CertificateAuthorityError) {
        do { self = try JSONDecoder().decode(Self.self, from: Data(json)) } catch {
            throw CertificateAuthorityError(.invalidProfile, "the certificate profile cannot be read: \(error)")
        }
        guard lifetime > 0, lifetime <= longestLifetime, (0...86400).contains(backdate) else {
            throw CertificateAuthorityError(.invalidProfile, "the certificate profile's times contradict one another")
        }
        guard (pathLength != nil) == keyUsage.contains(.keyCertSign), (pathLength == nil) != extendedKeyUsage.isEmpty
        else {
            throw CertificateAuthorityError(
                .invalidProfile, "a certificate profile is either an authority (path_length, keyCertSign) or a leaf")
        }
    }

    init(
        lifetime: Int, longestLifetime: Int, pathLength: Int? = nil, keyUsage: [KeyUsageBit],
        extendedKeyUsage: [Purpose]
    ) {
        self.lifetime = lifetime
        self.longestLifetime = longestLifetime
        backdate = 300
        self.pathLength = pathLength
        self.keyUsage = keyUsage
        self.extendedKeyUsage = extendedKeyUsage
    }

    private static let day = 86400

    /// A machine's certificate: 24 h, 7 days at most.
    public static let machine = Self(
        lifetime: day, longestLifetime: 7 * day, keyUsage: [.digitalSignature], extendedKeyUsage: [.clientAuth])
    /// The certificate of the tenant's own port: 397 days.
    public static let server = Self(
        lifetime: 397 * day, longestLifetime: 397 * day, keyUsage: [.digitalSignature],
        extendedKeyUsage: [.serverAuth])
    /// The authority that issues day by day: 5 years.
    public static let intermediate = Self(
        lifetime: 5 * 365 * day, longestLifetime: 10 * 365 * day, pathLength: 0, keyUsage: [.keyCertSign, .cRLSign],
        extendedKeyUsage: [])
    /// The authority that is kept offline: 20 years.
    public static let root = Self(
        lifetime: 20 * 365 * day, longestLifetime: 30 * 365 * day, pathLength: 1, keyUsage: [.keyCertSign, .cRLSign],
        extendedKeyUsage: [])
}
