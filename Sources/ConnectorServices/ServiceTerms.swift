public import RelayFormat

/// What the customer's administrator says of a service beside where it is: side effects and bounds.
public struct ServiceTerms: Sendable, Equatable {
    /// The class of all its requests; nil where the method decides.
    public var requestClass: RequestClass?
    /// Whether the service honours `Idempotency-Key`, so that POST and PATCH may run again under one key.
    public var honoursIdempotencyKey: Bool
    /// How much of it the tenant may use at a time.
    public var limits: ServiceLimits

    /// Makes terms; by default the method decides, and nothing is bounded.
    public init(
        requestClass: RequestClass? = nil, honoursIdempotencyKey: Bool = false, limits: ServiceLimits = ServiceLimits()
    ) {
        self.requestClass = requestClass
        self.honoursIdempotencyKey = honoursIdempotencyKey
        self.limits = limits
    }

    /// The terms as the tenant hears of them.
    public func offer(as name: String) -> ServiceOffer {
        ServiceOffer(name, requestClass: requestClass, honoursIdempotencyKey: honoursIdempotencyKey)
    }
}
