/// The bounds and times of the deliveries to webhooks.
public struct WebhookConfiguration: Sendable {
    /// How long after each failed attempt the next one is made; when they are used up the delivery is given up.
    public var retries: [Duration]
    /// The longest time of one attempt.
    public var timeout: Duration
    /// The most attempts at a time.
    public var concurrency: Int
    /// The most attempts at a time to one webhook.
    public var perWebhook: Int
    /// How often the ledger is asked for deliveries that are due.
    public var interval: Duration
    /// The most bytes that are read of an answer.
    public var largestAnswer: Int
    /// The program's version.
    public var version: String

    /// Describes how deliveries are made.
    public init(
        retries: [Duration] = [5, 30, 120, 600, 3600, 3 * 3600, 10 * 3600].map { .seconds($0) },
        timeout: Duration = .seconds(15), concurrency: Int = 16, perWebhook: Int = 4,
        interval: Duration = .milliseconds(500), largestAnswer: Int = 4096, version: String
    ) {
        self.retries = retries
        self.timeout = timeout
        self.concurrency = concurrency
        self.perWebhook = perWebhook
        self.interval = interval
        self.largestAnswer = largestAnswer
        self.version = version
    }
}
