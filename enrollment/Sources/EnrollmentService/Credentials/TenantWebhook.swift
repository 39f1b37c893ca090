public import MachineIdentity

/// Where a tenant's results may be posted to, and what the posts are signed with.
public struct TenantWebhook: Sendable, Equatable {
    /// The name by which callers choose it.
    public let name: String
    /// Where results are posted to; https, or http to this machine.
    ///
    /// Redirects lead elsewhere and are not to be followed.
    public let url: String
    /// The secret of Standard Webhooks: `whsec_` and the base64 of the key for HMAC-SHA256.
    public let secret: Secret
}
