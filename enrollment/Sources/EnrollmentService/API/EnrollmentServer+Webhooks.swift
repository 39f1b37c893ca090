internal import EnrollmentProtocol
internal import Foundation
internal import Hummingbird
internal import Logging
internal import TenantPort

/// Administration of webhooks.
extension EnrollmentServer {
    /// Where a tenant's results may be posted to.
    public var webhooks: TenantWebhooks { TenantWebhooks(registry: installation.registry) }

    func addWebhooks(to list: inout RouteList) {
        administrator(.get, APIPath.webhooks, in: &list) { call, _, scope in
            try call.answer(try await scope.webhooks(try call.range()))
        }
        administrator(.post, APIPath.webhooks, in: &list) { call, administrator, scope in
            let webhook = try await scope.createWebhook(try await call.body(), at: call.now)
            Self.note("Webhook registered", webhook.name, administrator, call)
            return try call.answer(webhook, status: .created, location: "\(APIPath.webhooks)/\(webhook.name)")
        }
        administrator(.delete, APIPath.webhook, in: &list) { call, administrator, scope in
            let name = try call.parameter("name")
            try await scope.deleteWebhook(named: name)
            Self.note("Webhook deleted", name, administrator, call)
            return call.answer()
        }
    }
}
