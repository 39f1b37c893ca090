/// Decides which requests are looked at: by source, by who makes them, and by what they are for.
///
/// Time comes in as milliseconds. What it remembers is bounded; whoever was not heard of for longest is forgotten first,
/// which costs nothing but a fresh allowance.
public struct RequestLimiter: Sendable {
    /// What the limit was that a request met.
    public enum Scope: String, Sendable, CaseIterable {
        /// Too many from one address.
        case source
        /// Too many by one member, administrator or account.
        case principal
        /// Credentials failed too often.
        case failures
    }

    /// A request that has to wait.
    public struct Refusal: Error, Sendable, Equatable {
        /// Which limit it met.
        public var scope: Scope
        /// After how many seconds another try may succeed.
        public var retryAfter: Double
        /// What somebody should look at because of it.
        public var alarm: Alarm?
    }

    /// Failed credentials that somebody should look at.
    public struct Alarm: Sendable, Equatable {
        /// Where they come from, or for whom they are: `source 192.0.2.1`, `account gw-1`.
        public var about: String
    }

    private struct Place: Hashable {
        var name: String
        var kind: RouteClass
    }

    private let settings: LimitSettings
    private var sources: BoundedTable<Place, TokenBucket>
    private var principals: BoundedTable<Place, TokenBucket>
    private var failures: BoundedTable<String, FailureDelay>
    /// Credentials that have proven good: what others do wrong at the same address does not touch them.
    private var proven: BoundedTable<String, Bool>

    /// Makes a limiter that has seen nobody.
    public init(_ settings: LimitSettings) {
        self.settings = settings
        sources = BoundedTable(capacity: settings.entries)
        principals = BoundedTable(capacity: settings.entries)
        failures = BoundedTable(capacity: settings.entries)
        proven = BoundedTable(capacity: settings.entries)
    }

    /// How many things are remembered.
    public var count: Int { sources.count + principals.count + failures.count + proven.count }

    /// Looks at a request before its credential is.
    ///
    /// - Parameters:
    ///   - source: the address, "" where there is none, as within one process.
    ///   - credential: what stands for the credential that it shows; nil without one.
    public mutating func admit(
        from source: String, for kind: RouteClass, credential: String?, at now: UInt64
    ) throws(Refusal) {
        guard !source.isEmpty else { return }
        let origin = Self.origin(source)
        if let rate = settings.source[kind] {
            let wait = sources.use(Place(name: origin, kind: kind), or: TokenBucket(rate, at: now)) {
                $0.take(rate, at: now)
            }
            if let wait { throw Refusal(scope: .source, retryAfter: wait) }
        }
        // A member's certificate was proven by the handshake; judging it is cheap.
        guard kind != .member, kind != .open else { return }
        if let credential, proven.peek(credential) != nil { return }
        try wait(for: "source " + origin, at: now)
    }

    /// Refuses who has to wait after failures; whoever goes on and on all the same is to be looked at.
    private mutating func wait(for name: String, at now: UInt64) throws(Refusal) {
        guard let wait = failures.peek(name)?.wait(at: now) else { return }
        let isAlarming = failures.use(name, or: FailureDelay(at: now)) { $0.press(settings.failures) }
        throw Refusal(scope: .failures, retryAfter: wait, alarm: isAlarming ? Alarm(about: name) : nil)
    }

    /// Looks at a request of somebody who is known by now.
    public mutating func admit(
        _ principal: String, for kind: RouteClass, credential: String?, at now: UInt64
    ) throws(Refusal) {
        if let credential { proven.use(credential, or: true) { _ in } }
        guard let rate = settings.principal[kind] else { return }
        let wait = principals.use(Place(name: principal, kind: kind), or: TokenBucket(rate, at: now)) {
            $0.take(rate, at: now)
        }
        if let wait { throw Refusal(scope: .principal, retryAfter: wait) }
    }

    /// Counts a credential that was not accepted.
    ///
    /// - Parameter account: for whom it was, where that could be seen.
    /// - Returns: how long the next try takes, if at all, and what is to be looked at.
    public mutating func fail(
        from source: String, account: String?, credential: String?, at now: UInt64
    ) -> (delay: Double, alarms: [Alarm]) {
        if let credential { proven.remove(credential) }
        var names: [String] = source.isEmpty ? [] : ["source " + Self.origin(source)]
        if let account { names.append("account " + account) }
        var delay = 0.0
        var alarms: [Alarm] = []
        for name in names {
            let verdict = failures.use(name, or: FailureDelay(at: now)) { $0.fail(settings.failures, at: now) }
            delay = max(delay, verdict.delay)
            if verdict.isAlarming { alarms.append(Alarm(about: name)) }
        }
        return (delay, alarms)
    }

    /// Looks at a request for an account before its credential is.
    public mutating func admit(account: String, at now: UInt64) throws(Refusal) {
        try wait(for: "account " + account, at: now)
    }

    /// The part of an address that one customer usually has: all of an IPv4 address, the first 64 bits of an IPv6 one.
    static func origin(_ address: String) -> String {
        guard address.utf8.contains(UInt8(ascii: ":")) else { return address }
        if let mapped = address.split(separator: ":").last, mapped.utf8.contains(UInt8(ascii: ".")) {
            return String(mapped)
        }
        let halves = address.split(separator: "::", omittingEmptySubsequences: false)
        var groups = halves[0].split(separator: ":").map(String.init)
        if groups.count < 4, halves.count > 1 {
            let behind = halves[1].split(separator: ":").count
            groups += Array(repeating: "0", count: max(0, 8 - groups.count - behind))
            groups += halves[1].split(separator: ":").map(String.init)
        }
        return groups.prefix(4).joined(separator: ":") + "::/64"
    }
}
