internal import HTTPProblems
internal import RelayDelivery
internal import RelayFormat
internal import TenantPort

/// What goes wrong with requests that the ledger keeps.
extension RelayAnswer {
    /// Why a submission, or a question about one, was refused.
    static func problem(_ error: SubmissionError) -> ProblemResponse {
        switch error {
        case .refused(let failure):
            return overloaded(failure.detail)
        case .ledger(let error) where error.code == .full:
            return overloaded(error.message)
        case .ledger:
            // What the disk said is in the tenant's own log.
            return unavailable("the ledger cannot be used just now", retryAfter: 5)
        case .notReady(let reason):
            return unavailable(reason, retryAfter: 2)
        }
    }

    /// The key was used for another request.
    static func keyReused(_ other: RequestID) -> ProblemResponse {
        ProblemResponse(
            ProblemDetails(
                code: "idempotency-key-reused", title: "The idempotency key stands for another request", status: 422,
                detail: "the same key came with another service, method, path or body before", instance: "\(other)"))
    }

    /// The request goes on after its caller's time.
    static func underWay(_ id: RequestID) -> ProblemResponse {
        ProblemResponse(
            ProblemDetails(
                code: "still-under-way", title: "The request is still under way", status: 409,
                detail: "it has not ended yet; ask again under the same key", instance: "\(id)", retryable: true,
                retryAfter: 1))
    }

    /// What was asked for needs a request that stands otherwise.
    static func conflict(_ id: RequestID, _ detail: String) -> ProblemResponse {
        ProblemResponse(
            ProblemDetails(
                code: "wrong-state", title: "The request does not stand so", status: 409, detail: detail,
                instance: "\(id)"))
    }

    private static func overloaded(_ detail: String) -> ProblemResponse {
        ProblemResponse(
            ProblemDetails(
                code: RequestFailure.Code.overloaded.name, title: "Too much is under way", status: 429, detail: detail,
                retryable: true, retryAfter: 5))
    }

    private static func unavailable(_ detail: String, retryAfter: Int) -> ProblemResponse {
        ProblemResponse(
            ProblemDetails(
                code: "unavailable", title: "This is not to be had just now", status: 503, detail: detail,
                retryable: true, retryAfter: retryAfter))
    }
}
