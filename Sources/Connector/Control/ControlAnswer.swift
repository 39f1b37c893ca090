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

    /// The answer to the order to renew.
    public struct Rotation: Codable, Sendable, Equatable {
        /// The certificate as it stands now.
        public var certificate: ConnectorStatus.Certificate
        /// The fingerprint of the key in use.
        public var key: String
        /// Why it was not renewed; nil when it was.
        public var failure: String?
        /// What to do about it.
        public var advice: String?
        /// The stable name of the failure.
        public var reason: String?
        /// With which code a command ends that reports it.
        public var exitCode: Int32?

        /// Makes an answer.
        public init(
            certificate: ConnectorStatus.Certificate, key: String, failure: String? = nil, advice: String? = nil,
            reason: String? = nil, exitCode: Int32? = nil
        ) {
            self.certificate = certificate
            self.key = key
            self.failure = failure
            self.advice = advice
            self.reason = reason
            self.exitCode = exitCode
        }

        enum CodingKeys: String, CodingKey {
            case certificate, key, failure, advice, reason
            case exitCode = "exit_code"
        }
    }
}
