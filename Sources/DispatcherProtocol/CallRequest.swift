/// The body of `POST /v1/groups/{group}/requests`: a relayed HTTP request for programs.
public struct CallRequest: Codable, Sendable, Equatable {
    /// The service's name.
    public var service: String
    /// The method; GET when absent.
    public var method: String?
    /// Path and query; "/" when absent.
    public var path: String?
    /// Header fields.
    public var headers: [String: String]?
    /// The body as text.
    public var body: String?
    /// The body as base64 (RFC 4648), in place of `body`.
    public var bodyBase64: String?
    /// How many seconds the caller waits; 30 when absent.
    public var deadlineSeconds: Double?
    /// The side-effect class: `safe`, `keyed` or `once`; only a stricter one than the method's is taken.
    public var requestClass: String?

    /// Makes a request.
    public init(
        service: String, method: String? = nil, path: String? = nil, headers: [String: String]? = nil,
        body: String? = nil, bodyBase64: String? = nil, deadlineSeconds: Double? = nil, requestClass: String? = nil
    ) {
        self.service = service
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.bodyBase64 = bodyBase64
        self.deadlineSeconds = deadlineSeconds
        self.requestClass = requestClass
    }

    enum CodingKeys: String, CodingKey {
        case service, method, path, headers, body
        case bodyBase64 = "body_base64"
        case deadlineSeconds = "deadline_seconds"
        case requestClass = "class"
    }
}

/// The answer of a service to a `CallRequest`.
public struct CallAnswer: Codable, Sendable, Equatable {
    /// The request's id.
    public var requestID: String
    /// The connector that answered.
    public var connector: String
    /// Which dispatch of the request was answered.
    public var attempt: UInt32
    /// The service's status code.
    public var status: Int
    /// The service's header fields; values of a repeated field are joined by ", ".
    public var headers: [String: String]
    /// The body, where it is UTF-8.
    public var body: String?
    /// The body as base64, where it is not UTF-8.
    public var bodyBase64: String?

    /// Makes an answer.
    public init(
        requestID: String, connector: String, attempt: UInt32, status: Int, headers: [String: String], body: String?,
        bodyBase64: String?
    ) {
        self.requestID = requestID
        self.connector = connector
        self.attempt = attempt
        self.status = status
        self.headers = headers
        self.body = body
        self.bodyBase64 = bodyBase64
    }

    enum CodingKeys: String, CodingKey {
        case connector, attempt, status, headers, body
        case requestID = "request_id"
        case bodyBase64 = "body_base64"
    }
}
