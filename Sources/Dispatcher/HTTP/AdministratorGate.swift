internal import AuditLog
internal import Hummingbird
internal import TenantPort

/// Lets administrators in, each for what they may do.
struct AdministratorGate: Sendable {
    /// Something that an administrator does here.
    enum Act: Sendable {
        case seeConnectors, drainConnectors, readRequests, changeRequests

        func isAllowed(to administrator: Administrator) -> Bool {
            switch self {
            case .seeConnectors: true
            case .drainConnectors: administrator.mayDrainConnectors
            case .readRequests: administrator.mayReadRequests
            case .changeRequests: administrator.mayChangeRequests
            }
        }

        var text: String {
            switch self {
            case .seeConnectors: "see connectors"
            case .drainConnectors: "drain, pause or resume connectors"
            case .readRequests: "look at requests"
            case .changeRequests: "change requests"
            }
        }
    }

    let authentication: any AdministratorAuthentication

    /// Finds the administrator by the request's credential; the tenant comes from there alone.
    ///
    /// - Throws: a `GateRefusal` of 401 for a credential that administers nothing, 403 for one that may not do this.
    func administrator(_ request: Request, for act: Act) async throws -> Administrator {
        guard request.apiKey != nil else {
            throw GateRefusal(
                response: RelayAnswer.unauthorized(
                    "an administrator's credential is needed, as \"Authorization: Bearer ...\""))
        }
        guard let administrator = try await find(request, for: act) else {
            throw GateRefusal(
                response: RelayAnswer.unauthorized(
                    "the credential is not an administrator's, has expired or was revoked"))
        }
        return administrator
    }

    /// The same where others may come as well: nil for a credential that administers nothing.
    ///
    /// - Throws: a `GateRefusal` of 403 for an administrator who may not do this.
    func find(_ request: Request, for act: Act) async throws -> Administrator? {
        guard let key = request.apiKey, let administrator = try await authentication.administrator(forKey: key) else {
            return nil
        }
        guard act.isAllowed(to: administrator) else {
            throw GateRefusal(
                response: RelayAnswer.notPermitted("\(administrator.name) may not \(act.text)"),
                tenant: administrator.tenant, actor: .init(administrator))
        }
        return administrator
    }
}
