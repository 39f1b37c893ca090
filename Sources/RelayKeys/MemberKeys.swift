public import Crypto
public import RelaySealing

/// What signs what a member says to a group: a key in memory, or one that lies elsewhere and takes its time.
public protocol MemberSigning: Sendable {
    /// The public half, by which the member is known.
    var publicKey: P256.Signing.PublicKey { get }
    /// Signs with ECDSA over SHA-256 of the bytes; the answer is r and s, 32 bytes each.
    func signature(over bytes: [UInt8]) async throws -> [UInt8]
}

/// The keys by which a member is known in an epoch: one to sign, one to be sealed to.
public struct MemberKeys: Sendable {
    /// Signs what the member says to a group.
    public var identity: any MemberSigning
    /// Opens the epoch's secret, and the sessions that others begin.
    public var hpke: HPKEPrivateKey

    /// Pairs two keys.
    public init(identity: any MemberSigning, hpke: HPKEPrivateKey) {
        self.identity = identity
        self.hpke = hpke
    }
}

extension P256.Signing.PrivateKey: MemberSigning {}
