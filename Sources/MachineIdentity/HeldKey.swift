public import Crypto

/// A P-256 key that something else holds and never gives out: it signs, and that is all.
public protocol HeldKey: Sendable {
    /// The public half.
    var publicKey: P256.Signing.PublicKey { get }
    /// Where the key is, as the state folder names it; nothing secret.
    var place: String { get }
    /// Why the last signature could not be had; nil after one that could.
    var lastFailure: (any HeldKeyFailure)? { get }

    /// Signs bytes (ECDSA with SHA-256); throws a `HeldKeyFailure`.
    func signature(for bytes: [UInt8]) async throws -> P256.Signing.ECDSASignature
}

/// Why a key that something else holds cannot be used.
public protocol HeldKeyFailure: Error {
    /// The stable name.
    var reason: String { get }
    /// What happened, for people.
    var message: String { get }
    /// What to do about it.
    var remedy: String { get }
}

/// What holds keys instead of files: a token, an HSM.
///
/// A place is a text of one line, as RFC 7512 defines them. All calls but `recognises` and `key` block for as long as the
/// holder takes, and throw a `HeldKeyFailure`.
public protocol KeyHolder: Sendable {
    /// Whether a text names a place of this holder.
    func recognises(_ text: String) -> Bool
    /// Looks whether the holder of a place is there and lets us in.
    func check(_ place: String) throws
    /// Names the place of a new key, which is not made yet, among those at a place.
    func newPlace(at place: String) throws -> String
    /// Makes the key of a place, or finds the one that was made there before.
    func makeKey(_ place: String) throws -> P256.Signing.PublicKey
    /// The key of a place; does not look for it.
    func key(_ place: String, publicKey: P256.Signing.PublicKey) throws -> any HeldKey
    /// Destroys the key of a place, if it is there.
    func destroyKey(_ place: String) throws
}
