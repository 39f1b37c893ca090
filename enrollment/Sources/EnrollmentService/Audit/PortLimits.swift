internal import AuditLog
internal import EnrollmentProtocol
internal import RequestLimits
internal import Synchronization

/// The limiter of an enrollment port, with its metrics.
final class PortLimits: Sendable {
    private let limiter: Mutex<RequestLimiter>
    private let metrics = LimitMetrics()

    init(_ settings: LimitSettings) {
        limiter = Mutex(RequestLimiter(settings))
    }

    func admit(from source: String, for kind: RouteClass, credential: String?, at now: UInt64) throws(Refusal) {
        try judge(kind) { limiter throws(RequestLimiter.Refusal) in
            try limiter.admit(from: source, for: kind, credential: credential, at: now)
        }
    }

    func admit(_ principal: String, for kind: RouteClass, credential: String?, at now: UInt64) throws(Refusal) {
        try judge(kind) { limiter throws(RequestLimiter.Refusal) in
            try limiter.admit(principal, for: kind, credential: credential, at: now)
        }
    }

    func admit(account: String, for kind: RouteClass, at now: UInt64) throws(Refusal) {
        try judge(kind) { limiter throws(RequestLimiter.Refusal) in
            try limiter.admit(account: account, at: now)
        }
    }

    func fail(
        from source: String, account: String?, credential: String?, at now: UInt64
    ) -> [RequestLimiter.Alarm] {
        let alarms = limiter.withLock {
            $0.fail(from: source, account: account, credential: credential, at: now).alarms
        }
        metrics.failed(alarms: alarms.count)
        return alarms
    }

    private func judge(
        _ kind: RouteClass, _ body: (inout RequestLimiter) throws(RequestLimiter.Refusal) -> Void
    ) throws(Refusal) {
        let refusal = limiter.withLock { limiter -> RequestLimiter.Refusal? in
            do throws(RequestLimiter.Refusal) {
                try body(&limiter)
                return nil
            } catch {
                return error
            }
        }
        guard let refusal else { return }
        metrics.limited(refusal.scope, kind)
        let reason =
            switch refusal.scope {
            case .source: "Too many requests come from this address."
            case .principal: "This credential makes too many requests."
            case .failures: "Too many credentials from this address, or for this account, were not valid."
            }
        var answer = Refusal(.rateLimited, "\(reason) Come again in \(Int(refusal.retryAfter.rounded(.up))) s.")
        answer.retryAfter = refusal.retryAfter
        answer.alarm = refusal.alarm
        if refusal.alarm != nil { metrics.alarmed() }
        throw answer
    }
}
