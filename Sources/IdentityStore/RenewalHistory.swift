public import struct Foundation.Date
public import MachineIdentity

/// The last renewals of a machine, oldest first: `renewals.json`.
public struct RenewalHistory: Sendable, Equatable, Codable {
    /// How a renewal went.
    public enum Outcome: String, Sendable, Equatable, Codable, CaseIterable {
        /// A new certificate was made and used.
        case renewed
        /// The same, after the old one had ended.
        case recovered
        /// An attempt did not succeed.
        case failed
    }

    /// One renewal, or a row of attempts that failed in the same way.
    public struct Entry: Sendable, Equatable, Codable {
        /// When it happened, by the tenant's time.
        public var at: Date
        /// How it went.
        public var outcome: Outcome
        /// The generation of the certificate in use afterwards.
        public var generation: Int
        /// The fingerprint of its key.
        public var key: KeyFingerprint
        /// The fingerprint of the certificate itself.
        public var certificate: CertificateFingerprint
        /// When the certificate ends.
        public var notAfter: Date
        /// Why an attempt failed.
        public var reason: String?
        /// How often it failed like that in a row.
        public var attempts: Int?
        /// When it failed like that for the first time.
        public var since: Date?

        /// Describes a renewal.
        public init(at: Date, outcome: Outcome, identity: LoadedIdentity, reason: String? = nil) {
            self.at = at
            self.outcome = outcome
            generation = identity.record.generation
            key = identity.key.fingerprint
            certificate = CertificateFingerprint(certificate: identity.certificates[0])
            notAfter = identity.record.notAfter
            self.reason = reason
        }

        enum CodingKeys: String, CodingKey {
            case at, outcome, generation, key, certificate, reason, attempts, since
            case notAfter = "not_after"
        }
    }

    /// How many entries are kept.
    public static let capacity = 100
    private static let longestReason = 500

    /// The entries, oldest first.
    public private(set) var entries: [Entry]

    /// Makes a history.
    public init(entries: [Entry] = []) {
        self.entries = entries.suffix(Self.capacity)
    }

    /// Adds an entry; a failure like the one before only counts on.
    public mutating func add(_ entry: Entry) {
        var entry = entry
        entry.reason = entry.reason.map { String($0.prefix(Self.longestReason)) }
        if entry.outcome == .failed, let last = entries.last, last.outcome == .failed, last.reason == entry.reason {
            entry.attempts = (last.attempts ?? 1) + 1
            entry.since = last.since ?? last.at
            entries.removeLast()
        }
        entries.append(entry)
        entries.removeFirst(max(0, entries.count - Self.capacity))
    }
}
