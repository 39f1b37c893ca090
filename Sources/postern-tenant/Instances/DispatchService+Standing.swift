internal import Dispatcher
internal import EnrollmentProtocol
internal import RelayFormat

extension DispatchService {
    /// Hears a connector no more, or again, as the registry says.
    func follow(_ standing: ConnectorState, of connector: String, in tenant: TenantReference) {
        guard let id = TenantID(tenant.id), let member = MemberID(connector) else { return }
        switch standing {
        case .revoked, .frozen: self.tenant(id, named: tenant.slug).shutOut(member)
        case .active: self.tenant(id, named: tenant.slug).readmit(member)
        }
    }
}
