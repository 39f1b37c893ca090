public import RelayFormat

/// The services that a connector offers, by name; what is not in it does not exist for the tenant.
public struct ServiceCatalog: Sendable {
    private let services: [String: any ConnectorService]

    /// Makes a catalog.
    public init(_ services: [String: any ConnectorService]) {
        self.services = services
    }

    /// The names, in order.
    public var names: [String] { services.keys.sorted() }

    /// The services' kinds by name.
    public var kinds: [String: String] { services.mapValues(\.kind) }

    /// What the tenant hears of the services, in the order of their names.
    public var offers: [ServiceOffer] {
        services.map { $0.value.terms.offer(named: $0.key) }.sorted { $0.name < $1.name }
    }

    /// The services' limits by name.
    public var limits: [String: ServiceLimits] { services.mapValues(\.terms.limits) }

    /// The service of that name.
    public subscript(name: String) -> (any ConnectorService)? { services[name] }
}
