public import Foundation

/// A registered connector or dispatcher, as administrators see it.
public struct ConnectorAnswer: Codable, Sendable, Equatable {
    /// The id.
    public var id: String
    /// What the connector called itself when it registered.
    public var displayName: String?
    /// The service account.
    public var account: String
    /// The role.
    public var role: AccountRole
    /// The state.
    public var state: ConnectorState
    /// The groups that it serves.
    public var groups: [GroupReference]
    /// Counts the renewals, from 1.
    public var generation: Int
    /// The SHA-256 of its public key, as `sha256:…`.
    public var keyFingerprint: Pin
    /// When it registered.
    public var createdAt: Date
    /// Until when its newest certificate is valid.
    public var notAfter: Date
    /// When it was last heard of by the enrollment service.
    public var lastSeenAt: Date?
    /// The version that it last told.
    public var version: String?
    /// How many boots it has had.
    public var boots: Int64
    /// When it was revoked.
    public var revokedAt: Date?
    /// Why it was revoked.
    public var revocationReason: String?
    /// When it was frozen.
    public var frozenAt: Date?
    /// Why it was frozen.
    public var freezeReason: String?
    /// When it last renewed from another machine than the time before; nil when it never has.
    public var machineChangedAt: Date?
    /// How the dispatcher sees it just now: `online`, `suspect` or `lost`; nil when it has not been seen lately.
    public var presence: String?

    /// Makes an answer.
    public init(
        id: String, displayName: String?, account: String, role: AccountRole, state: ConnectorState,
        groups: [GroupReference], generation: Int, keyFingerprint: Pin, createdAt: Date, notAfter: Date,
        lastSeenAt: Date?, version: String?, boots: Int64, revokedAt: Date?, revocationReason: String?,
        frozenAt: Date? = nil, freezeReason: String? = nil, machineChangedAt: Date? = nil,
        presence: String? = nil
    ) {
        self.id = id
        self.displayName = displayName
        self.account = account
        self.role = role
        self.state = state
        self.groups = groups
        self.generation = generation
        self.keyFingerprint = keyFingerprint
        self.createdAt = createdAt
        self.notAfter = notAfter
        self.lastSeenAt = lastSeenAt
        self.version = version
        self.boots = boots
        self.revokedAt = revokedAt
        self.revocationReason = revocationReason
        self.frozenAt = frozenAt
        self.freezeReason = freezeReason
        self.machineChangedAt = machineChangedAt
        self.presence = presence
    }

    /// Whether it was frozen because somebody else has used its identity: the reason begins with `clone`.
    public var isSuspectedClone: Bool {
        state == .frozen && freezeReason?.lowercased().hasPrefix("clone") == true
    }

    enum CodingKeys: String, CodingKey {
        case id, account, role, state, groups, generation, version, boots, presence
        case displayName = "display_name"
        case keyFingerprint = "key_fingerprint"
        case createdAt = "created_at"
        case notAfter = "not_after"
        case lastSeenAt = "last_seen_at"
        case revokedAt = "revoked_at"
        case revocationReason = "revocation_reason"
        case frozenAt = "frozen_at"
        case freezeReason = "freeze_reason"
        case machineChangedAt = "machine_changed_at"
    }
}
