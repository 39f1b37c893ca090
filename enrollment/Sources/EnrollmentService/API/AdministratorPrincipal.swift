internal import EnrollmentProtocol

/// Whoever holds a secret that administrators may show.
struct AdministratorPrincipal: Sendable {
    enum Kind: String, Sendable {
        case administrator
        case apiKey = "api-key"
        case enrollment
    }

    let kind: Kind
    let id: String
    let name: String
    let tenant: Tenant
    let mayAdminister: Bool
    /// What an administrator may do; all, with an API key.
    var role = AdministratorRole.administrator
}
