public import Foundation

/// `POST /v1/webhooks`: registers where results may be posted to.
public struct WebhookRequest: EnrollmentRequest, Equatable {
    /// The name by which callers choose it: up to 63 lower-case letters, digits and hyphens.
    public var name: String
    /// Where results are posted to; https, or http to this machine.
    public var url: String

    /// Makes a request.
    public init(name: String, url: String) {
        self.name = name
        self.url = url
    }

    enum CodingKeys: String, CodingKey, CaseIterable { case name, url }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// Where results may be posted to.
public struct WebhookAnswer: Codable, Sendable, Equatable {
    /// The name by which callers choose it.
    public var name: String
    /// Where results are posted to.
    public var url: String
    /// When it was registered.
    public var createdAt: Date
    /// What posts are signed with, `whsec_…`; only in the answer that registers it, never again.
    public var secret: String?

    /// Makes an answer.
    public init(name: String, url: String, createdAt: Date, secret: String? = nil) {
        self.name = name
        self.url = url
        self.createdAt = createdAt
        self.secret = secret
    }

    enum CodingKeys: String, CodingKey {
        case name, url, secret
        case createdAt = "created_at"
    }
}
