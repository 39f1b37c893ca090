public import AsyncHTTPClient
public import ConnectorServices

extension ServiceCatalog {
    /// Makes the services of a configuration; `client` is shared by all HTTP services and belongs to the caller.
    public init(_ configuration: ConnectorConfiguration, client: HTTPClient) {
        self.init(
            configuration.services.mapValues { service in
                switch service {
                case .http(let http): HTTPService(http, client: client)
                }
            })
    }
}
