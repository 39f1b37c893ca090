internal import Hummingbird
internal import TenantPort

extension DispatcherRoutes {
    /// Something that an administrator does here.
    enum AdministratorAct {
        case readRequests, changeRequests, drainConnectors

        fileprivate func isAllowed(to administrator: Administrator) -> Bool {
            switch self {
            case .readRequests: administrator.mayReadRequests
            case .changeRequests: administrator.mayChangeRequests
            case .drainConnectors: administrator.mayDrainConnectors
            }
        }

        fileprivate var text: String {
            switch self {
            case .readRequests: "look at requests"
            case .changeRequests: "change requests"
            case .drainConnectors: "drain connectors"
            }
        }
    }

    /// Finds the administrator by the request's credential; the tenant comes from there alone.
    ///
    /// - Throws: a `ProblemResponse` of 401 for a credential that administers nothing, 403 for one that may not do this.
    func administrator(_ request: Request, for act: AdministratorAct) async throws -> Administrator {
        guard let credential = request.apiKey else {
            throw RelayAnswer.unauthorized(
                "the credential of an administrator is needed, as \"Authorization: Bearer ...\"")
        }
        guard let administrator = try await administrators.administrator(forCredential: credential) else {
            throw RelayAnswer.unauthorized("the credential administers nothing here, has expired or was revoked")
        }
        guard act.isAllowed(to: administrator) else {
            throw RelayAnswer.notPermitted("\(administrator.name) may not \(act.text)")
        }
        return administrator
    }
}
