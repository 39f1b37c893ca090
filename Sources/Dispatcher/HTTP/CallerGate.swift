internal import AuditLog
internal import Hummingbird
internal import RelayFormat

/// Finds out who makes an HTTP request, and what is open to them.
struct CallerGate: Sendable {
    private let callers: any CallerAuthentication
    private let administrators: AdministratorGate

    init(_ callers: any CallerAuthentication, administrators: AdministratorGate) {
        self.callers = callers
        self.administrators = administrators
    }

    /// Finds the caller by its key; the tenant comes from the key, and a group that the key does not open does not exist.
    func authorize(_ request: Request, group: String, service: String?) async throws -> (Caller, GroupID) {
        let caller = try await caller(of: request)
        guard let id = caller.groups[group] else {
            throw RelayAnswer.notFound("the API key opens no group named \"\(group)\"")
        }
        if let service { try check(caller, opens: service) }
        return (caller, id)
    }

    /// Checks that a service is open to a caller.
    func check(_ caller: Caller, opens service: String) throws {
        guard caller.opens(service) else {
            throw GateRefusal(
                response: RelayAnswer.notPermitted("the API key does not open the service \"\(service)\""),
                tenant: caller.tenant, actor: .init(kind: "api-key", id: caller.keyID))
        }
    }

    /// Who may see and steer requests: an administrator those of the whole tenant, an application those of the groups and
    /// services that its key opens.
    ///
    /// Administrators come first: they may call as well, and what they may do to requests is a right of its own.
    func viewer(of request: Request, for act: AdministratorGate.Act) async throws -> Caller {
        guard let administrator = try await administrators.find(request, for: act) else {
            return try await caller(of: request)
        }
        return Caller(
            tenant: administrator.tenant, tenantName: administrator.tenantName, keyID: administrator.name,
            groups: administrator.groups, services: nil)
    }

    private func caller(of request: Request) async throws -> Caller {
        guard let key = request.apiKey else {
            throw GateRefusal(
                response: RelayAnswer.unauthorized("an API key is needed, as \"Authorization: Bearer ...\""))
        }
        guard let caller = try await callers.caller(forKey: key) else {
            throw GateRefusal(
                response: RelayAnswer.unauthorized("the API key is not known, has expired or was revoked"))
        }
        return caller
    }
}

extension Caller {
    /// Whether a service is open to it.
    func opens(_ service: String) -> Bool { services?.contains(service) ?? true }

    /// The name of a group that is open to it; nil for any other.
    func name(of group: GroupID) -> String? { groups.first { $0.value == group }?.key }
}
