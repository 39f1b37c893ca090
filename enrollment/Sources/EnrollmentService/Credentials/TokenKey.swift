internal import Crypto
public import Foundation
internal import MachineIdentity

/// A key that signs queue credentials, from its publication to the end of the last credential that it signed.
public struct TokenKey: Sendable, Hashable {
    /// Where a key stands in its life.
    public enum State: String, Sendable {
        /// Published, so that whoever verifies knows it; it signs nothing yet.
        case next
        /// The one that signs.
        case current
        /// It signs no more; what it signed counts until its end.
        case previous
        /// It counts no more.
        case ended
    }

    /// For how long whoever verifies may keep the published keys.
    public static let cacheLife: TimeInterval = 300
    /// How long a key is published before it signs, unless another time is given.
    public static let usualLead: TimeInterval = 600
    /// The clocks of those who verify may be behind by so much.
    static let tolerance: TimeInterval = 60

    /// The RFC 7638 thumbprint, which stands in the head of a credential as `kid`.
    public let id: String
    /// The public key in its 65-byte form.
    public let publicKey: [UInt8]
    /// The private key's file in the state folder.
    let file: String
    /// When it was published.
    public let publishedAt: Date
    /// From when on it signs, until another one does.
    public let signsFrom: Date
    /// When it counts no more; nil as long as no other one follows it.
    public let endsAt: Date?

    init(publicKey: P256.Signing.PublicKey, file: String, publishedAt: Date, signsFrom: Date) {
        self.init(
            id: Self.thumbprint(of: publicKey), publicKey: Array(publicKey.x963Representation), file: file,
            publishedAt: publishedAt, signsFrom: signsFrom, endsAt: nil)
    }

    init(id: String, publicKey: [UInt8], file: String, publishedAt: Date, signsFrom: Date, endsAt: Date?) {
        self.id = id
        self.publicKey = publicKey
        self.file = file
        self.publishedAt = publishedAt
        self.signsFrom = signsFrom
        self.endsAt = endsAt
    }

    /// Whether a credential that it signed counts.
    func counts(at now: Date) -> Bool { endsAt.map { now < $0 } ?? true }

    /// The one of several keys that signs.
    static func current(of keys: [TokenKey], at now: Date) -> TokenKey? {
        keys.filter { $0.counts(at: now) && $0.signsFrom <= now }.max { $0.signsFrom < $1.signsFrom }
    }

    /// Where the key stands among all keys.
    public func state(among keys: [TokenKey], at now: Date) -> State {
        if !counts(at: now) { return .ended }
        if signsFrom > now { return .next }
        return Self.current(of: keys, at: now)?.id == id ? .current : .previous
    }

    /// The coordinates of the point, base64url without padding.
    var coordinates: (x: String, y: String) {
        (Base64URL.encode(publicKey[1..<33]), Base64URL.encode(publicKey[33..<65]))
    }

    static func thumbprint(of key: P256.Signing.PublicKey) -> String {
        let point = Array(key.x963Representation)
        let (x, y) = (Base64URL.encode(point[1..<33]), Base64URL.encode(point[33..<65]))
        return Base64URL.encode(SHA256.hash(data: Data(#"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#.utf8)))
    }
}
