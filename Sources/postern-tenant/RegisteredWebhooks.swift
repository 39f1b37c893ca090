internal import Dispatcher
internal import EnrollmentService
internal import MachineIdentity
internal import RelayFormat

/// The dispatcher's webhooks, as the registry knows them.
struct RegisteredWebhooks: Dispatcher.WebhookDirectory {
    private let directory: EnrollmentService.WebhookDirectory

    init(_ directory: EnrollmentService.WebhookDirectory) {
        self.directory = directory
    }

    func endpoint(named name: String, of tenant: TenantID) async throws -> Dispatcher.WebhookEndpoint? {
        guard let known = try await directory.webhook(tenant: tenant.description, name: name) else { return nil }
        guard let secret = WebhookSecret(known.secret.reveal()) else { return nil }
        return Dispatcher.WebhookEndpoint(url: known.url, secret: secret)
    }
}
