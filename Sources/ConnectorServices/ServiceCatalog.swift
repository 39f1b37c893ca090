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

    /// What the tenant is told of the services, in the order of their names.
    public var offers: [ServiceOffer] {
        services.sorted { $0.key < $1.key }.map { $0.value.offer(as: $0.key) }
    }

    /// The service of that name.
    public subscript(name: String) -> (any ConnectorService)? { services[name] }
}
