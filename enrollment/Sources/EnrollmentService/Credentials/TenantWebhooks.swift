internal import EnrollmentProtocol
internal import Foundation

/// Finds the webhooks that administrators have registered.
///
/// It asks the registry each time: a post to another server takes far longer, and what was deleted gets no more posts.
public struct TenantWebhooks: Sendable {
    private let registry: Registry

    init(registry: Registry) {
        self.registry = registry
    }

    /// The webhook of a name within a tenant; nil when there is none (any more).
    ///
    /// Throws `registry` when nobody can say.
    /// - Parameter tenant: the tenant's id.
    public func webhook(tenant: String, name: String) async throws(EnrollmentServiceError) -> TenantWebhook? {
        do { return try await registry.webhook(named: name, tenant: tenant) } catch {
            throw EnrollmentServiceError(.registry, "The registry cannot be read: \(error)")
        }
    }
}
