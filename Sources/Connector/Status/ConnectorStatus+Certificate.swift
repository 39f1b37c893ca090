extension ConnectorStatus {
    /// The certificate of the connector, and how its renewal stands.
    public struct Certificate: Codable, Sendable, Equatable {
        /// Counts the renewals, from 1.
        public var generation: Int
        /// When it ends, RFC 3339.
        public var notAfter: String
        /// When it is to be renewed, RFC 3339.
        public var renewAt: String
        /// Until when it can be recovered after its end without a new invitation, RFC 3339.
        public var recoveryEnds: String
        /// Whether it has ended.
        public var hasEnded: Bool
        /// How the last renewal went; nil before the first.
        public var lastRenewal: Renewal?
        /// Why it is not renewed just now although it should be; nil when all is well.
        public var trouble: String?
        /// When it is tried again, RFC 3339; nil when nothing is due, or nothing would help.
        public var nextTry: String?

        /// One renewal.
        public struct Renewal: Codable, Sendable, Equatable {
            /// When it was, RFC 3339.
            public var at: String
            /// `renewed`, `recovered` or `failed`.
            public var outcome: String

            /// Describes a renewal.
            public init(at: String, outcome: String) {
                self.at = at
                self.outcome = outcome
            }
        }

        /// Describes a certificate.
        public init(
            generation: Int, notAfter: String, renewAt: String, recoveryEnds: String, hasEnded: Bool,
            lastRenewal: Renewal? = nil, trouble: String? = nil, nextTry: String? = nil
        ) {
            self.generation = generation
            self.notAfter = notAfter
            self.renewAt = renewAt
            self.recoveryEnds = recoveryEnds
            self.hasEnded = hasEnded
            self.lastRenewal = lastRenewal
            self.trouble = trouble
            self.nextTry = nextTry
        }

        enum CodingKeys: String, CodingKey {
            case generation, trouble
            case notAfter = "not_after"
            case renewAt = "renew_at"
            case recoveryEnds = "recovery_ends"
            case hasEnded = "has_ended"
            case lastRenewal = "last_renewal"
            case nextTry = "next_try"
        }
    }
}
