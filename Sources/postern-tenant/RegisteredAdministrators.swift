internal import Dispatcher
internal import EnrollmentProtocol
internal import EnrollmentService
internal import RelayFormat

/// The dispatcher's operators, as the registry knows them.
struct RegisteredAdministrators: AdministratorAuthentication {
    private let enrollment: EnrollmentServer

    init(_ enrollment: EnrollmentServer) {
        self.enrollment = enrollment
    }

    func administrator(forKey key: String) async throws -> Administrator? {
        guard let known = try await enrollment.administrator(forKey: key), let tenant = TenantID(known.tenant.id) else {
            return nil
        }
        return Administrator(tenant: tenant, tenantName: known.tenant.slug, name: known.name)
    }
}
