internal import ConnectorServices
internal import RelayFormat

/// Reads what a service's configuration says of side effects and bounds; the same for every kind of service.
extension ConfigurationFile {
    static func terms(_ node: inout KeyedNode) throws(ConfigurationError) -> ServiceTerms {
        var terms = ServiceTerms()
        if let name = try node.string("class") {
            guard let requestClass = RequestClass(name: name) else {
                throw ConfigurationError(
                    node.path("class"),
                    "\"\(name)\" is no class: safe may run twice, keyed may under one idempotency key, once never")
            }
            terms.requestClass = requestClass
        }
        terms.honoursIdempotencyKey = try node.boolean("honours_idempotency_key") ?? false
        if var limits = try node.map("limits") {
            terms.limits.concurrency = try limits.integer("concurrency", in: 1...65_536)
            let burst = try limits.integer("burst", in: 1...65_536)
            if let text = try limits.string("rate") {
                guard let (count, period) = rate(text) else {
                    throw ConfigurationError(
                        limits.path("rate"), "a number of starts in a time is expected here, as in 100/s, 10/m or 5/h")
                }
                terms.limits.rate = .init(count, per: period, burst: burst)
            } else if burst != nil {
                throw ConfigurationError(limits.path("burst"), "a burst belongs to a rate, as in rate: 100/s")
            }
            try limits.end()
        }
        return terms
    }

    private static func rate(_ text: String) -> (count: Int, period: Duration)? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), (1...1_000_000).contains(count) else { return nil }
        switch parts[1] {
        case "s": return (count, .seconds(1))
        case "m": return (count, .seconds(60))
        case "h": return (count, .seconds(3600))
        default: return nil
        }
    }
}
