internal import Dispatcher
internal import EnrollmentProtocol
internal import EnrollmentService
internal import RelayFormat

/// The dispatcher's administrators, as the registry knows them.
struct RegisteredAdministrators: AdministratorAuthentication {
    private let directory: AdministratorDirectory

    init(_ directory: AdministratorDirectory) {
        self.directory = directory
    }

    func administrator(forKey key: String) async throws -> Administrator? {
        guard let known = try await directory.administrator(forCredential: key),
            let tenant = TenantID(known.tenant.id)
        else { return nil }
        var groups: [String: GroupID] = [:]
        for group in known.groups { groups[group.name] = GroupID(group.id) }
        return Administrator(
            tenant: tenant, tenantName: known.tenant.slug, id: known.id, name: known.name, groups: groups,
            mayReadRequests: known.mayReadRequests, mayChangeRequests: known.mayChangeRequests,
            mayDrainConnectors: known.mayDrainConnectors)
    }
}
