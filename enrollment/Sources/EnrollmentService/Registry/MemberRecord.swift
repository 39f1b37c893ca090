internal import EnrollmentProtocol
internal import Foundation
internal import MachineIdentity

/// A registered connector or dispatcher as one of its certificates finds it.
struct MemberRecord: Sendable {
    let id: String
    let tenant: Tenant
    let account: String
    let role: AccountRole
    let groups: [GroupReference]
    /// Counts the renewals: that of the certificate by which it was found.
    let generation: Int
    /// That of its newest certificate.
    let newestGeneration: Int
    /// Whether the newest certificate has been used; until then the one before it stays valid.
    let newestIsUsed: Bool
    /// The certified key in its 65-byte form (X9.63).
    let publicKey: [UInt8]
    /// The fingerprint of that key.
    let keyFingerprint: KeyFingerprint
    /// When the certificate ends by which it was found.
    let notAfter: Date
    /// Whether it, the certificate or its key is revoked.
    let isRevoked: Bool
    /// Whether it is shut out until an administrator lets it in again.
    let isFrozen: Bool
    /// Why, as an administrator said it, or because a clone is suspected.
    let freezeReason: String?

    /// Whether a newer certificate has taken the place of the one by which it was found.
    var isSuperseded: Bool {
        generation < newestGeneration && (newestIsUsed || generation < newestGeneration - 1)
    }

    /// Whether the certificate by which it was found is the newest, and this its first use.
    var isFirstUse: Bool { generation == newestGeneration && !newestIsUsed }
}
