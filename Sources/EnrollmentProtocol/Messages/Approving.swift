public import Foundation

/// The answer 202 to `POST /v1/enrollments`: an administrator has to approve the key first.
///
/// The same request, asked again, gets this again, until it gets the certificate or learns that there will be none.
public struct PendingAnswer: Codable, Sendable, Equatable {
    /// The id under which administrators see it, and which the connector will have.
    public var id: String
    /// The words of its key, which both consoles show.
    public var keyWords: String
    /// Until when it waits.
    public var expiresAt: Date
    /// After how many seconds to ask again.
    public var retryAfter: Int

    /// Makes an answer.
    public init(id: String, keyWords: String, expiresAt: Date, retryAfter: Int) {
        self.id = id
        self.keyWords = keyWords
        self.expiresAt = expiresAt
        self.retryAfter = retryAfter
    }

    enum CodingKeys: String, CodingKey {
        case id
        case keyWords = "key_words"
        case expiresAt = "expires_at"
        case retryAfter = "retry_after"
    }
}

/// A registration that waits for an administrator.
public struct PendingConnectorAnswer: Codable, Sendable, Equatable {
    /// The id, which the connector will have.
    public var id: String
    /// What the connector calls itself.
    public var displayName: String?
    /// The service account.
    public var account: String
    /// The enrollment that it came with.
    public var enrollment: String
    /// The SHA-256 of its public key, as `sha256:…`.
    public var keyFingerprint: Pin
    /// The words of its key, to be compared with those on its own console.
    public var keyWords: String
    /// From which address it came, as far as the tenant's port can tell.
    public var address: String
    /// When it came.
    public var createdAt: Date
    /// Until when it waits.
    public var expiresAt: Date

    /// Makes an answer.
    public init(
        id: String, displayName: String?, account: String, enrollment: String, keyFingerprint: Pin, keyWords: String,
        address: String, createdAt: Date, expiresAt: Date
    ) {
        self.id = id
        self.displayName = displayName
        self.account = account
        self.enrollment = enrollment
        self.keyFingerprint = keyFingerprint
        self.keyWords = keyWords
        self.address = address
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }

    enum CodingKeys: String, CodingKey {
        case id, account, enrollment, address
        case displayName = "display_name"
        case keyFingerprint = "key_fingerprint"
        case keyWords = "key_words"
        case createdAt = "created_at"
        case expiresAt = "expires_at"
    }
}
