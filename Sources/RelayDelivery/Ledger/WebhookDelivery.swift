public import RelayFormat

/// The news of one ending, on its way to a webhook.
public struct WebhookDelivery: Sendable, Equatable {
    /// What the news is; the numbers are stored.
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// The request ended.
        case ended = 1
        /// Its outcome was unknown, and became known.
        case resolved = 2

        /// The name in the message.
        public var name: String {
            switch self {
            case .ended: "request.ended"
            case .resolved: "request.resolved"
            }
        }
    }

    /// How a delivery stands; the numbers are stored.
    public enum State: UInt8, Sendable, CaseIterable {
        /// It is tried, or tried again.
        case pending = 1
        /// The webhook has taken it.
        case delivered = 2
        /// It is tried no more.
        case givenUp = 3

        /// The name in the HTTP API.
        public var name: String {
            switch self {
            case .pending: "pending"
            case .delivered: "delivered"
            case .givenUp: "given_up"
            }
        }
    }

    /// Its name over all attempts, by which a receiver knows it again.
    public var id: MessageID
    /// The tenant.
    public var tenant: TenantID
    /// The request that ended.
    public var request: RequestID
    /// The webhook's name.
    public var webhook: String
    /// What the news is.
    public var kind: Kind
    /// How it stands.
    public var state: State
    /// How often it was tried.
    public var attempts: UInt32
    /// When it is tried next; of no meaning unless it is pending.
    public var due: RelayTime
    /// What the last attempt met, for people; empty before the first.
    public var detail: String

    /// Describes a delivery.
    public init(
        id: MessageID, tenant: TenantID, request: RequestID, webhook: String, kind: Kind, state: State = .pending,
        attempts: UInt32 = 0, due: RelayTime, detail: String = ""
    ) {
        self.id = id
        self.tenant = tenant
        self.request = request
        self.webhook = webhook
        self.kind = kind
        self.state = state
        self.attempts = attempts
        self.due = due
        self.detail = detail
    }
}

/// Where deliveries wait: they are entered by the same transaction as the endings that they tell.
public protocol WebhookLedger: Sendable {
    /// The pending deliveries whose time has come, the longest due first.
    ///
    /// - Parameter perWebhook: the most of any one webhook, so that a dead one does not keep the others waiting.
    func dueDeliveries(
        at now: RelayTime, perWebhook: Int, limit: Int
    ) async throws(LedgerError) -> [WebhookDelivery]

    /// Writes down how a delivery stands after an attempt; skipped when it is not there any more.
    func note(_ delivery: WebhookDelivery) async throws(LedgerError)

    /// The deliveries of one request, oldest first.
    func deliveries(of request: RequestID, in tenant: TenantID) async throws(LedgerError) -> [WebhookDelivery]

    /// One request; nil when there is none of that id in the tenant.
    func request(_ id: RequestID, of tenant: TenantID) async throws(LedgerError) -> DurableRequest?
}
