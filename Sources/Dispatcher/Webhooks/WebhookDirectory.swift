public import RelayFormat

/// Knows where webhooks are, by their names.
public protocol WebhookDirectory: Sendable {
    /// Finds a webhook of a tenant; nil when there is none of that name.
    func endpoint(named name: String, of tenant: TenantID) async throws -> WebhookEndpoint?
}

/// Where a webhook is, and what it knows the sender by.
public struct WebhookEndpoint: Sendable {
    /// The address that is posted to.
    public var url: String
    /// The secret that sender and receiver share.
    public var secret: WebhookSecret

    /// Describes a webhook.
    public init(url: String, secret: WebhookSecret) {
        self.url = url
        self.secret = secret
    }
}
