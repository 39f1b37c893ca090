public import ConnectorServices

/// What the customer's administrator decides: which services the connector offers, and within which bounds.
public struct ConnectorConfiguration: Sendable {
    /// The services by name.
    public var services: [String: Service]
    /// The most requests at a time.
    public var inFlight: Int
    /// How long running requests may take after the connector was told to stop.
    public var drain: Duration
    /// Where metrics are served, as it stands in the file; nil where they are not.
    public var metrics: String?

    /// One service of the customer's network.
    public enum Service: Sendable {
        /// An HTTP service.
        case http(HTTPService.Configuration)

        /// What is said of its side effects and bounds.
        public var terms: ServiceTerms {
            switch self {
            case .http(let http): http.terms
            }
        }
    }

    /// Describes a connector; one that offers nothing by default.
    public init(services: [String: Service] = [:], inFlight: Int = 256, drain: Duration = .seconds(10)) {
        self.services = services
        self.inFlight = inFlight
        self.drain = drain
    }
}
