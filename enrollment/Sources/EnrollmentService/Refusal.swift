internal import EnrollmentProtocol
internal import HTTPTypes
internal import HTTPProblems
internal import MachineIdentity
internal import RequestLimits
internal import TenantPort

/// A request that is not granted, and why.
struct Refusal: Error {
    let problem: EnrollmentProblem
    let detail: String
    /// The tenant whose credential the request came with, once that is known.
    var tenant: Tenant?
    /// How to authenticate, in an answer of 401; Bearer where nothing is said.
    var challenge: String?
    /// For whom a credential that was not accepted was meant to be, where that could be seen.
    var account: String?
    /// After how many seconds to come again, where that is known.
    var retryAfter: Double?
    /// What somebody should look at because of it.
    var alarm: RequestLimiter.Alarm?

    init(_ problem: EnrollmentProblem, _ detail: String, tenant: Tenant? = nil) {
        self.problem = problem
        self.detail = detail
        self.tenant = tenant
    }

    /// A certificate request that is not accepted.
    init(_ error: MachineIdentityError, in place: String) {
        let problem: EnrollmentProblem =
            switch error.code {
            case .popFailed: .proofOfPossessionFailed
            case .unsupportedKey: .unsupportedKey
            default: .invalidCSR
            }
        self.init(problem, "\(place) is not accepted: \(error.message).")
    }

    /// The same text whether the credential is unknown, wrong, or one of somebody else.
    static var invalidCredentials: Refusal {
        Refusal(.invalidCredentials, "The Authorization header holds no credential that is valid here.")
    }

    static func notFound(_ what: String, _ name: String) -> Refusal {
        Refusal(.notFound, "There is no \(what) “\(name.prefix(80))”.")
    }

    var response: ProblemResponse {
        ProblemResponse(
            ProblemDetails(
                code: problem.rawValue, title: problem.title, status: problem.status, detail: detail,
                retryable: problem.isRetryable,
                retryAfter: problem.isRetryable ? Int((retryAfter ?? 1).rounded(.up)) : nil),
            headers: challenge.map { [.wwwAuthenticate: $0] } ?? [:])
    }
}
