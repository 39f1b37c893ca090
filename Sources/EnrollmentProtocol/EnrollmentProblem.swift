/// What can go wrong in the enrollment API: the stable code at the end of a problem's `type`.
public enum EnrollmentProblem: String, Sendable, CaseIterable {
    case malformedRequest = "malformed-request"
    case invalidCSR = "invalid-csr"
    case invalidCredentials = "invalid-credentials"
    case certificateRequired = "certificate-required"
    case certificateExpired = "certificate-expired"
    case certificateRevoked = "certificate-revoked"
    case notPermitted = "not-permitted"
    case cloneSuspected = "clone-suspected"
    case connectorFrozen = "connector-frozen"
    case registrationRejected = "registration-rejected"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case enrollmentConsumed = "enrollment-consumed"
    case keyReuse = "key-reuse"
    case staleGeneration = "stale-generation"
    case alreadyExists = "already-exists"
    case inUse = "in-use"
    case connectorRevoked = "connector-revoked"
    case bootReplaced = "boot-replaced"
    case limitReached = "limit-reached"
    case enrollmentExpired = "enrollment-expired"
    case payloadTooLarge = "payload-too-large"
    case unsupportedMediaType = "unsupported-media-type"
    case proofOfPossessionFailed = "pop-failed"
    case nonceExpired = "nonce-expired"
    case unsupportedKey = "unsupported-key"
    case rateLimited = "rate-limited"
    case internalError = "internal-error"
    case notReady = "not-ready"

    /// The HTTP status that goes with it.
    public var status: Int {
        switch self {
        case .malformedRequest, .invalidCSR: 400
        case .invalidCredentials, .certificateRequired, .certificateExpired, .certificateRevoked: 401
        case .notPermitted, .cloneSuspected, .connectorFrozen, .registrationRejected: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .enrollmentConsumed, .keyReuse, .staleGeneration, .alreadyExists, .inUse, .limitReached,
            .connectorRevoked, .bootReplaced:
            409
        case .enrollmentExpired: 410
        case .payloadTooLarge: 413
        case .unsupportedMediaType: 415
        case .proofOfPossessionFailed, .nonceExpired, .unsupportedKey: 422
        case .rateLimited: 429
        case .internalError: 500
        case .notReady: 503
        }
    }

    /// One sentence that is the same for every occurrence.
    public var title: String {
        switch self {
        case .malformedRequest: "The request cannot be read."
        case .invalidCSR: "The certificate request cannot be read."
        case .invalidCredentials: "The credentials are not valid."
        case .certificateRequired: "A client certificate is needed."
        case .certificateExpired: "The client certificate has expired."
        case .certificateRevoked: "The client certificate is revoked."
        case .notPermitted: "The credentials do not permit this."
        case .cloneSuspected: "Two holders of one identity were seen."
        case .connectorFrozen: "The connector is frozen."
        case .registrationRejected: "An administrator has rejected the registration."
        case .notFound: "There is nothing under this name."
        case .methodNotAllowed: "The resource does not know this method."
        case .enrollmentConsumed: "The invitation has been used already."
        case .keyReuse: "The key is certified for somebody else already."
        case .staleGeneration: "The certificate has been superseded."
        case .alreadyExists: "The name is taken."
        case .inUse: "Something else still needs it."
        case .connectorRevoked: "The connector is revoked for good."
        case .bootReplaced: "A newer process of this identity has taken its place."
        case .limitReached: "There are as many of these as there may be."
        case .enrollmentExpired: "The invitation has expired."
        case .payloadTooLarge: "The request is too large."
        case .unsupportedMediaType: "The request is not JSON."
        case .proofOfPossessionFailed: "The request was not signed by the key that it names."
        case .nonceExpired: "The nonce is unknown, used or too old."
        case .unsupportedKey: "The kind of key is not supported."
        case .rateLimited: "Too many requests."
        case .internalError: "The service failed."
        case .notReady: "The service is not ready."
        }
    }

    /// Whether the same request may succeed later without a change.
    public var isRetryable: Bool {
        switch self {
        case .rateLimited, .internalError, .notReady: true
        default: false
        }
    }
}
