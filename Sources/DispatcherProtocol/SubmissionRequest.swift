/// The body of `POST /v1/groups/{group}/submissions`: a call that is kept on disk until it has ended.
public struct SubmissionRequest: Codable, Sendable, Equatable {
    /// What is to be done; its deadline is an hour when absent, and a day at most.
    public var call: CallRequest
    /// For how many seconds it waits for a connector that can take it: 0 for not at all; until its deadline when absent.
    public var parkUntilSeconds: Double?
    /// The name of the webhook that is told the result.
    public var webhook: String?
    /// The caller's own name for it; the same key is the same request.
    ///
    /// The field `Idempotency-Key` says the same.
    public var idempotencyKey: String?

    /// Makes a submission.
    public init(
        _ call: CallRequest, parkUntilSeconds: Double? = nil, webhook: String? = nil, idempotencyKey: String? = nil
    ) {
        self.call = call
        self.parkUntilSeconds = parkUntilSeconds
        self.webhook = webhook
        self.idempotencyKey = idempotencyKey
    }

    enum CodingKeys: String, CodingKey {
        case webhook
        case parkUntilSeconds = "park_until_seconds"
        case idempotencyKey = "idempotency_key"
    }

    public init(from decoder: any Decoder) throws {
        call = try CallRequest(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        parkUntilSeconds = try container.decodeIfPresent(Double.self, forKey: .parkUntilSeconds)
        webhook = try container.decodeIfPresent(String.self, forKey: .webhook)
        idempotencyKey = try container.decodeIfPresent(String.self, forKey: .idempotencyKey)
    }

    public func encode(to encoder: any Encoder) throws {
        try call.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(parkUntilSeconds, forKey: .parkUntilSeconds)
        try container.encodeIfPresent(webhook, forKey: .webhook)
        try container.encodeIfPresent(idempotencyKey, forKey: .idempotencyKey)
    }
}
