/// What the control socket answers.
public enum ControlAnswer {
    /// The answer to a ping.
    public struct Ping: Codable, Sendable, Equatable {
        /// The dispatcher's process that answered; nil when none did.
        public var dispatcher: String?
        /// The time both hops took together, in milliseconds.
        public var milliseconds: Double?
        /// Why there was no round trip.
        public var failure: String?

        /// Makes an answer.
        public init(dispatcher: String? = nil, milliseconds: Double? = nil, failure: String? = nil) {
            self.dispatcher = dispatcher
            self.milliseconds = milliseconds
            self.failure = failure
        }
    }
}
