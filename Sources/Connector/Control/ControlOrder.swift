/// What the control socket is told to do.
public enum ControlOrder {
    /// The largest body of an order in bytes.
    static let largestBody = 16 * 1024

    /// Give back what has not started, finish what runs, and end.
    public struct Drain: Codable, Sendable, Equatable {
        /// How many seconds running requests may take; nil for the configured time.
        public var maxSeconds: Double?
        /// Why, for people.
        public var note: String

        /// Makes an order.
        public init(maxSeconds: Double? = nil, note: String = "") {
            self.maxSeconds = maxSeconds
            self.note = note
        }

        enum CodingKeys: String, CodingKey {
            case note
            case maxSeconds = "max_seconds"
        }
    }

    /// Take no work for a while.
    public struct Pause: Codable, Sendable, Equatable {
        /// Why, for people.
        public var note: String
        /// For how many seconds; nil until it is resumed.
        public var forSeconds: Double?

        /// Makes an order.
        public init(note: String, forSeconds: Double? = nil) {
            self.note = note
            self.forSeconds = forSeconds
        }

        enum CodingKeys: String, CodingKey {
            case note
            case forSeconds = "for_seconds"
        }
    }
}
