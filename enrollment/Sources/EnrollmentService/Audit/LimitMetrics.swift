internal import Metrics
internal import RequestLimits

/// What the limits do; labels come from closed sets.
struct LimitMetrics: Sendable {
    private let limited: [RequestLimiter.Scope: [RouteClass: Counter]]
    private let failures = Counter(label: "postern_enrollment_failed_credentials_total")
    private let alarms = Counter(label: "postern_enrollment_credential_alarms_total")

    init() {
        var limited: [RequestLimiter.Scope: [RouteClass: Counter]] = [:]
        for scope in RequestLimiter.Scope.allCases {
            for kind in RouteClass.allCases {
                limited[scope, default: [:]][kind] = Counter(
                    label: "postern_enrollment_limited_total",
                    dimensions: [("scope", scope.rawValue), ("class", kind.rawValue)])
            }
        }
        self.limited = limited
    }

    func limited(_ scope: RequestLimiter.Scope, _ kind: RouteClass) { limited[scope]?[kind]?.increment() }

    func alarmed() { alarms.increment() }

    func failed(alarms count: Int) {
        failures.increment()
        if count > 0 { alarms.increment(by: count) }
    }
}
