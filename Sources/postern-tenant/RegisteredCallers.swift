internal import Dispatcher
internal import EnrollmentProtocol
internal import EnrollmentService
internal import RelayFormat

/// The dispatcher's callers, as the registry knows them.
struct RegisteredCallers: CallerAuthentication {
    private let directory: CallerDirectory

    init(_ directory: CallerDirectory) {
        self.directory = directory
    }

    func caller(forKey key: String) async throws -> Caller? {
        guard let known = try await directory.caller(forKey: key), let tenant = TenantID(known.tenant.id) else {
            return nil
        }
        var groups: [String: GroupID] = [:]
        for group in known.groups { groups[group.name] = GroupID(group.id) }
        return Caller(
            tenant: tenant, tenantName: known.tenant.slug, keyID: known.keyID, groups: groups, services: known.services)
    }
}
