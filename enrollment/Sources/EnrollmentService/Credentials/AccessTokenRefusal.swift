internal import EnrollmentProtocol
internal import HTTPTypes

/// A request for an access token that is not granted, and why.
struct AccessTokenRefusal: Error {
    /// What the caller is told.
    let problem: AccessTokenProblem
    /// What the log is told besides; it tells apart what must look the same from outside.
    let reason: String
    /// The tenant whose connector it was, once that is proven.
    let tenant: Tenant?

    init(_ code: AccessTokenProblem.Code, _ description: String, reason: String? = nil, tenant: Tenant? = nil) {
        problem = AccessTokenProblem(code, description)
        self.reason = reason ?? description
        self.tenant = tenant
    }

    /// The same text whether the connector or its key is unknown, or revoked, or did not sign this.
    static func unaccepted(_ reason: String, tenant: Tenant? = nil) -> AccessTokenRefusal {
        AccessTokenRefusal(
            .invalidClient, "The client assertion is not accepted: no connector that may come in has signed it.",
            reason: reason, tenant: tenant)
    }

    var status: HTTPResponse.Status { problem.error == .invalidClient ? .unauthorized : .badRequest }
}
