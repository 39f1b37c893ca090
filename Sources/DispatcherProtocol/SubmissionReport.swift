/// How a submission stands, and its result when it has ended: the answer of the submission routes, and what a webhook gets.
public struct SubmissionReport: Codable, Sendable, Equatable {
    /// Why there is no answer of the service.
    public struct Failure: Codable, Sendable, Equatable {
        /// The reason, as in problems: `no_connector`, `outcome_unknown` and the others.
        public var code: String
        /// What was seen, for people.
        public var detail: String

        /// Makes a reason.
        public init(code: String, detail: String) {
            self.code = code
            self.detail = detail
        }
    }

    /// The request's id.
    public var requestID: String
    /// `open`, `answered`, `failed`, `unknown`, `cancelled` or `dead_letter`.
    public var state: String
    /// The group's name.
    public var group: String
    /// The service's name.
    public var service: String
    /// When it was submitted.
    public var submittedAt: Timestamp
    /// When it must have ended.
    public var deadline: Timestamp
    /// When it ended.
    public var endedAt: Timestamp?
    /// The connector that answered.
    public var connector: String?
    /// Which dispatch of the request was answered.
    public var attempt: UInt32?
    /// The service's status code.
    public var status: Int?
    /// The service's header fields; values of a repeated field are joined by ", ".
    public var headers: [String: String]?
    /// The service's body, where it is UTF-8.
    public var body: String?
    /// The service's body as base64, where it is not UTF-8.
    public var bodyBase64: String?
    /// Why there is no answer of the service.
    public var failure: Failure?

    /// Makes a report without a result.
    public init(
        requestID: String, state: String, group: String, service: String, submittedAt: Timestamp, deadline: Timestamp
    ) {
        self.requestID = requestID
        self.state = state
        self.group = group
        self.service = service
        self.submittedAt = submittedAt
        self.deadline = deadline
    }

    enum CodingKeys: String, CodingKey {
        case state, group, service, deadline, connector, attempt, status, headers, body, failure
        case requestID = "request_id"
        case submittedAt = "submitted_at"
        case endedAt = "ended_at"
        case bodyBase64 = "body_base64"
    }
}

/// What a webhook gets: the form of Standard Webhooks.
public struct WebhookMessage: Codable, Sendable, Equatable {
    /// `request.ended`, or `request.resolved` for an outcome that was unknown before.
    public var type: String
    /// When that happened.
    public var timestamp: Timestamp
    /// The request with its result.
    public var data: SubmissionReport

    /// Makes a message.
    public init(type: String, timestamp: Timestamp, data: SubmissionReport) {
        self.type = type
        self.timestamp = timestamp
        self.data = data
    }
}
