/// The life of a request, for those who ask what became of it: the answer of `GET /v1/requests/{id}`.
public struct RequestReport: Codable, Sendable, Equatable {
    /// The request's id.
    public var requestID: String
    /// The group's name.
    public var group: String
    /// The service's name.
    public var service: String
    /// The side-effect class: `safe`, `keyed` or `once`.
    public var requestClass: String
    /// `open`, `answered`, `failed`, `unknown`, `cancelled` or `dead_letter`.
    public var state: String
    /// Where it stands while it is open: `waiting`, `dispatched`, `held` or `granted`.
    public var standing: String
    /// Whether it is kept on disk: a submission, not a call.
    public var durable: Bool
    /// Who brought it.
    public var caller: String
    /// How often it was dispatched.
    public var attempt: UInt32
    /// How many of the dispatches were started by a connector that was lost before it answered.
    public var losses: UInt32
    /// The connector that has it, or has answered.
    public var connector: String?
    /// When it came.
    public var submittedAt: Timestamp
    /// When it must have ended.
    public var deadline: Timestamp
    /// Until when it waits for a connector.
    public var parkUntil: Timestamp?
    /// When it ended.
    public var endedAt: Timestamp?
    /// How it ended.
    public var outcome: Outcome?
    /// Whether its outcome was unknown for a while and is known now; absent in lists.
    public var resolved: Bool?
    /// The news of its ending on their way to a webhook, the newest last.
    public var webhook: [Delivery]?
    /// What happened to it, oldest first.
    public var events: [Event]
    /// What it waits for now; nil when for nothing.
    public var waitsFor: String?
    /// What would help.
    public var wouldHelp: String?

    /// How a request ended.
    public struct Outcome: Codable, Sendable, Equatable {
        /// The service's status code.
        public var status: Int?
        /// Why there is no answer of the service.
        public var code: String?
        /// What was seen, for people.
        public var detail: String?

        /// Makes an outcome.
        public init(status: Int? = nil, code: String? = nil, detail: String? = nil) {
            self.status = status
            self.code = code
            self.detail = detail
        }
    }

    /// One thing that happened to a request.
    public struct Event: Codable, Sendable, Equatable {
        /// When.
        public var at: Timestamp
        /// What: `submitted`, `dispatched`, `granted` and the others.
        public var kind: String
        /// Which dispatch it concerns.
        public var attempt: UInt32?
        /// The connector that it concerns.
        public var connector: String?
        /// More, for people.
        public var detail: String?

        /// Makes an event.
        public init(
            at: Timestamp, kind: String, attempt: UInt32? = nil, connector: String? = nil, detail: String? = nil
        ) {
            self.at = at
            self.kind = kind
            self.attempt = attempt
            self.connector = connector
            self.detail = detail
        }
    }

    /// The news of an ending on their way to a webhook.
    public struct Delivery: Codable, Sendable, Equatable {
        /// The webhook's name.
        public var name: String
        /// `request.ended` or `request.resolved`.
        public var type: String
        /// `pending`, `delivered` or `given_up`.
        public var state: String
        /// How often it was tried.
        public var attempts: UInt32
        /// When it is tried next.
        public var nextAttempt: Timestamp?
        /// What the last attempt met.
        public var detail: String?

        /// Makes a delivery.
        public init(
            name: String, type: String, state: String, attempts: UInt32, nextAttempt: Timestamp?, detail: String?
        ) {
            self.name = name
            self.type = type
            self.state = state
            self.attempts = attempts
            self.nextAttempt = nextAttempt
            self.detail = detail
        }

        enum CodingKeys: String, CodingKey {
            case name, type, state, attempts, detail
            case nextAttempt = "next_attempt"
        }
    }

    /// Makes a report of what is always known.
    public init(
        requestID: String, group: String, service: String, requestClass: String, state: String, standing: String,
        durable: Bool, caller: String, attempt: UInt32, losses: UInt32, submittedAt: Timestamp, deadline: Timestamp,
        resolved: Bool? = nil, events: [Event] = []
    ) {
        self.requestID = requestID
        self.group = group
        self.service = service
        self.requestClass = requestClass
        self.state = state
        self.standing = standing
        self.durable = durable
        self.caller = caller
        self.attempt = attempt
        self.losses = losses
        self.submittedAt = submittedAt
        self.deadline = deadline
        self.resolved = resolved
        self.events = events
    }

    enum CodingKeys: String, CodingKey {
        case group, service, state, standing, durable, caller, attempt, losses, connector, deadline, outcome, resolved
        case webhook, events
        case requestID = "request_id"
        case requestClass = "class"
        case submittedAt = "submitted_at"
        case parkUntil = "park_until"
        case endedAt = "ended_at"
        case waitsFor = "waits_for"
        case wouldHelp = "would_help"
    }
}

/// The requests that were asked for, the newest first: the answer of `GET /v1/requests`.
public struct RequestList: Codable, Sendable, Equatable {
    /// The requests, without their events.
    public var requests: [RequestReport]
    /// The dispatcher instances that did not answer, whose requests are missing; nil when all are listed.
    public var missingInstances: [String]?

    /// Makes a list.
    public init(requests: [RequestReport], missingInstances: [String]? = nil) {
        self.requests = requests
        self.missingInstances = missingInstances
    }

    enum CodingKeys: String, CodingKey {
        case requests
        case missingInstances = "missing_instances"
    }
}

/// What became of an attempt to cancel a request: the answer of `POST /v1/requests/{id}/cancel`.
public struct CancelAnswer: Codable, Sendable, Equatable {
    /// `cancelled` when nothing had started, `stopping` when its connector is told to tear it down.
    public var verdict: String
    /// The request as it stands now.
    public var request: RequestReport

    /// Makes an answer.
    public init(verdict: String, request: RequestReport) {
        self.verdict = verdict
        self.request = request
    }
}

/// The body of `POST /v1/requests/{id}/redrive`.
public struct RedriveRequest: Codable, Sendable, Equatable {
    /// How many seconds it has from now on; an hour when absent.
    public var deadlineSeconds: Double?

    /// Makes a body.
    public init(deadlineSeconds: Double? = nil) {
        self.deadlineSeconds = deadlineSeconds
    }

    enum CodingKeys: String, CodingKey {
        case deadlineSeconds = "deadline_seconds"
    }
}
