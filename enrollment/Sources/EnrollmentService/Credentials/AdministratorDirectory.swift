internal import EnrollmentProtocol
internal import Foundation

/// Finds who administers by a credential: one of an administrator, or an API key with the scope `admin`.
public struct AdministratorDirectory: Sendable {
    private let registry: Registry
    private let rights: RoleRights
    private let now: @Sendable () -> Date

    init(registry: Registry, rights: RoleRights, now: @escaping @Sendable () -> Date) {
        self.registry = registry
        self.rights = rights
        self.now = now
    }

    /// The administrator of a credential; nil for one that is unknown, expired, revoked, or does not administer.
    ///
    /// Throws `registry` when nobody can say.
    public func administrator(
        forCredential text: String
    ) async throws(EnrollmentServiceError) -> TenantAdministrator? {
        guard let secret = try? SecretToken(text) else { return nil }
        let found: AdministratorPrincipal?
        let groups: [GroupReference]
        do {
            found = try await registry.administrator(secret, at: now())
            guard let found, found.mayAdminister else { return nil }
            groups = try await registry.groups(of: found.tenant)
        } catch {
            throw EnrollmentServiceError(.registry, "The registry cannot be read: \(error)")
        }
        guard let found else { return nil }
        return TenantAdministrator(
            tenant: found.tenant.reference, id: found.id, name: found.name, groups: groups,
            mayReadRequests: rights.may(.readRequests, as: found.role),
            mayChangeRequests: rights.may(.changeRequests, as: found.role),
            mayDrainConnectors: rights.may(.drainConnectors, as: found.role))
    }
}
