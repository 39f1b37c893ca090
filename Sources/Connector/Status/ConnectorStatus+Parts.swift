extension ConnectorStatus {
    /// A way through the queue to a dispatcher and back.
    public struct RoundTrip: Codable, Sendable, Equatable {
        /// How long it took, in milliseconds.
        public var milliseconds: Double
        /// How many seconds ago it was proven.
        public var ageSeconds: Double
        /// The dispatcher's process that answered.
        public var dispatcher: String

        enum CodingKeys: String, CodingKey {
            case milliseconds
            case ageSeconds = "age_seconds"
            case dispatcher
        }
    }

    /// What the requests in hand are doing.
    public struct Requests: Codable, Sendable, Equatable {
        /// Waiting for leave to run.
        public var claimed: Int
        /// Being carried out.
        public var running: Int
        /// Answered, and waiting for the receipt.
        public var answered: Int

        /// Joins the counts.
        public init(claimed: Int = 0, running: Int = 0, answered: Int = 0) {
            self.claimed = claimed
            self.running = running
            self.answered = answered
        }
    }

    /// A pause that was ordered.
    public struct Pause: Codable, Sendable, Equatable {
        /// Why, in the words of whoever ordered it.
        public var note: String
        /// When it ends by itself, RFC 3339 on the tenant's clock; nil when it does not.
        public var until: String?

        /// Describes a pause.
        public init(note: String, until: String? = nil) {
            self.note = note
            self.until = until
        }
    }

    /// How far a drain has come.
    public struct Drain: Codable, Sendable, Equatable {
        /// How many requests are still in hand.
        public var left: Int
        /// In how many seconds what still runs is given up; nil where that is not known.
        public var endsInSeconds: Double?
        /// Why, in the words of whoever ordered it.
        public var note: String

        /// Describes a drain.
        public init(left: Int, endsInSeconds: Double? = nil, note: String = "") {
            self.left = left
            self.endsInSeconds = endsInSeconds
            self.note = note
        }

        enum CodingKeys: String, CodingKey {
            case left, note
            case endsInSeconds = "ends_in_seconds"
        }
    }

    /// What the journal holds.
    public struct Journal: Codable, Sendable, Equatable {
        /// How many requests it knows.
        public var rows: Int
        /// How many bytes of answers it holds.
        public var bytes: Int
        /// How old the oldest request is whose answer nobody has receipted, in seconds; nil when there is none.
        public var oldestUnreceiptedSeconds: Double?

        /// Describes a journal.
        public init(rows: Int, bytes: Int, oldestUnreceiptedSeconds: Double? = nil) {
            self.rows = rows
            self.bytes = bytes
            self.oldestUnreceiptedSeconds = oldestUnreceiptedSeconds
        }

        enum CodingKeys: String, CodingKey {
            case rows, bytes
            case oldestUnreceiptedSeconds = "oldest_unreceipted_seconds"
        }
    }
}
