internal import Dispatcher
internal import EnrollmentProtocol
internal import EnrollmentService
internal import MachineIdentity
internal import RelayFormat

/// The dispatcher's webhooks, as the registry knows them.
struct RegisteredWebhooks: WebhookDirectory {
    private let webhooks: TenantWebhooks

    init(_ webhooks: TenantWebhooks) {
        self.webhooks = webhooks
    }

    func endpoint(named name: String, of tenant: TenantID) async throws -> WebhookEndpoint? {
        guard let known = try await webhooks.webhook(tenant: "\(tenant)", name: name),
            let secret = WebhookSecret(known.secret.reveal())
        else { return nil }
        return WebhookEndpoint(url: known.url, secret: secret)
    }
}
