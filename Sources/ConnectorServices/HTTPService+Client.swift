public import AsyncHTTPClient
internal import NIOCore

extension HTTPService {
    /// Makes the client that all HTTP services of a connector share: it follows no redirects and changes no bodies.
    ///
    /// It belongs to the caller, who shuts it down.
    public static func makeClient() -> HTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(10)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
}
