public import Crypto
public import RelayFormat
public import RelaySealing

/// Where the epochs of a party come from, and its keys.
public protocol EpochSource: Sendable {
    /// The manifest of a group's present epoch; nil when it is the known one, or there is none yet.
    ///
    /// - Throws: why it cannot be had just now.
    func manifest(of group: GroupID, unless known: CoreHash?) async throws -> EpochManifest?

    /// The key of the tenant's Key Authority, as it is known by now: the pinned one, or a proven successor of it.
    func authority() async throws -> P256.Signing.PublicKey

    /// The private halves of the keys by which an epoch names this party; nil when they are not at hand.
    func keys(for entry: EpochMember) async throws -> MemberKeys?

    /// Told of each epoch that was taken into use.
    ///
    /// - Parameter keyring: whose it is; what was made before its `keysInUse` can be erased.
    func installed(_ core: EpochCore, in keyring: Keyring) async
}
