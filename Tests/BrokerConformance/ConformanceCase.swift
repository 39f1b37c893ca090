internal import BrokerCore

/// One promise of the contract, and how it is tried.
public struct ConformanceCase: Sendable, CustomStringConvertible {
    /// The promise as a sentence.
    public let description: String
    /// What a site has to be able to do.
    public let needs: Set<SiteAbility>
    let adjust: @Sendable (inout BoardLimits) -> Void
    let body: @Sendable (ConformanceStage) async throws -> Void

    init(
        _ description: String, needs: Set<SiteAbility> = [],
        limits adjust: @escaping @Sendable (inout BoardLimits) -> Void = { _ in },
        _ body: @escaping @Sendable (ConformanceStage) async throws -> Void
    ) {
        self.description = description
        self.needs = needs
        self.adjust = adjust
        self.body = body
    }

    /// Every promise.
    public static var all: [ConformanceCase] { delivery + leases + limits + inboxes + presence + ends + load }
}
