internal import HTTPTypes
public import HTTPProblems

extension ProblemDetails {
    /// No route has the path.
    public static func notFound(path: String) -> Self {
        Self(
            code: "not-found", title: "There is nothing at this path.", status: 404,
            detail: "\(path.prefix(200)) is no path of this API, or not one that you may see.")
    }

    /// The path has other methods.
    public static func methodNotAllowed(_ method: String, allowed: String) -> Self {
        Self(
            code: "method-not-allowed", title: "The path does not have this method.", status: 405,
            detail: "\(method) is not possible here; \(allowed) is.")
    }

    /// The body is larger than the call takes.
    public static func payloadTooLarge(limit: Int?) -> Self {
        Self(
            code: "payload-too-large", title: "The body is too large.", status: 413,
            detail: limit.map { "The body may have at most \($0) bytes." }
                ?? "The body has more bytes than the call takes.")
    }

    /// The body did not arrive in time.
    public static var requestTimeout: Self {
        Self(
            code: "request-timeout", title: "The body did not arrive in time.", status: 408,
            detail: "Send the whole request at once.", retryable: true)
    }

    /// Something went wrong on our side; what, is in the log under the request id.
    public static var internalError: Self {
        Self(
            code: "internal-error", title: "The tenant could not do this.", status: 500,
            detail: "The tenant's log knows more under this request id.", retryable: true)
    }

    /// The tenant does not take calls now.
    public static func notReady(_ reason: String) -> Self {
        Self(
            code: "not-ready", title: "The tenant is not ready.", status: 503, detail: reason, retryable: true,
            retryAfter: 1)
    }

    /// The path is for WebSockets.
    static var upgradeRequired: Self {
        Self(
            code: "upgrade-required", title: "This path is for WebSockets.", status: 426,
            detail: "No complete WebSocket handshake arrived here; a proxy in between may have removed it.")
    }

    /// What the framework refused by itself.
    static func refused(status: HTTPResponse.Status) -> Self {
        switch status {
        case .contentTooLarge: .payloadTooLarge(limit: nil)
        case .unsupportedMediaType:
            Self(
                code: "unsupported-media-type", title: "The body's media type is not supported.", status: 415,
                detail: "Send application/json.")
        default:
            Self(
                code: "malformed-request", title: "The request could not be read.", status: status.code,
                detail: status.reasonPhrase)
        }
    }
}
