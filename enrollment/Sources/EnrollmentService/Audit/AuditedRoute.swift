internal import EnrollmentProtocol
internal import HTTPTypes
internal import RequestLimits

/// A route as limits and audit see it, by its method and path alone, so that whoever adds one need not think of either.
struct AuditedRoute: Sendable {
    /// Changing calls that are no acts: they repeat all the time and leave nothing that anybody could want to trace.
    static let routine: Set<String> = [
        APIPath.nonces, APIPath.heartbeat, APIPath.queueCredentials, APIPath.accessTokens,
    ]

    /// Names that the path does not give.
    private static let names: [String: String] = [
        APIPath.enrollments: "connectors.register", "/.well-known/est/simpleenroll": "connectors.register",
        APIPath.renewCertificate: "connectors.renew", "/.well-known/est/simplereenroll": "connectors.renew",
        APIPath.revokeCertificate: "connectors.unregister", APIPath.epochs: "epochs.cut",
        APIPath.accountEnrollments: "enrollments.create",
    ]

    /// What it is for.
    let limit: RouteClass
    /// What is done by it, as the audit log says; nil for what only asks.
    let action: String?

    init(_ method: HTTPRequest.Method, _ path: String) {
        limit = Self.limit(method, path)
        let isAsking = method == .get || method == .head
        action = isAsking || Self.routine.contains(path) ? nil : Self.action(method, path)
    }

    private static func limit(_ method: HTTPRequest.Method, _ path: String) -> RouteClass {
        switch path {
        case APIPath.ownState, APIPath.heartbeat, APIPath.queueCredentials, "/.well-known/est/simplereenroll": .member
        case APIPath.hpkeKeys, APIPath.currentEpoch, APIPath.keyAuthority, APIPath.membership, APIPath.epochs: .member
        case APIPath.nonces, "/.well-known/est/simpleenroll": .registration
        case APIPath.enrollments where method == .post: .registration
        case _ where path.hasPrefix("/v1/certificates/"): .member
        case _ where path.hasPrefix("/oauth2/"): .token
        case APIPath.authority, APIPath.description, "/v1/crl": .open
        case _ where path.hasPrefix("/.well-known/"): .open
        default: .administration
        }
    }

    /// `DELETE /v1/accounts/{account}` is `accounts.delete`, `POST /v1/connectors/{id}/revoke` is `connectors.revoke`.
    private static func action(_ method: HTTPRequest.Method, _ path: String) -> String {
        if method == .post, let name = names[path] { return name }
        var words = path.split(separator: "/").map(String.init).filter { !$0.hasPrefix("{") }
        if words.first == "v1" { words.removeFirst() }
        let isCollection = words.count == 1 || words.last?.hasSuffix("s") == true
        switch method {
        case .post: if isCollection { words.append("create") }
        case .put: words.append("set")
        default: words.append(method.rawValue.lowercased())
        }
        return words.joined(separator: ".")
    }
}
