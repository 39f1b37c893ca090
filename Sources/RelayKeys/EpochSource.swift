public import Crypto
public import RelayFormat
public import RelaySealing

/// Where epochs come from.
public protocol EpochSource: Sendable {
    /// The manifest of a group's present epoch; nil when it is the known one, or there is none yet.
    ///
    /// - Throws: why it cannot be had just now.
    func manifest(of group: GroupID, unless known: CoreHash?) async throws -> EpochManifest?

    /// The key of the tenant's Key Authority that has taken the place of the given one, proven by it.
    ///
    /// - Returns: nil when there is none.
    func successor(of authority: P256.Signing.PublicKey) async throws -> P256.Signing.PublicKey?

    /// Told of each epoch that was taken into use; whether the keys before the newest can be erased is part of it.
    func installed(_ mark: EpochMark, isUsingNewestKeys: Bool) async
}
