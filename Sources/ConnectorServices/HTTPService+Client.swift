public import AsyncHTTPClient
internal import NIOCore

extension HTTPService {
    /// Makes the client that all HTTP services of a connector share; it belongs to the caller, who shuts it down.
    ///
    /// It follows no redirect, since that would leave the target that the policy was written for. It changes no body,
    /// uses no proxy whatever the environment says, and gives up on a connection after five seconds, at once when it is
    /// refused.
    ///
    /// - Parameter connections: the most connections to one target; beyond them a request waits for another's.
    public static func makeClient(connections: Int = 256) -> HTTPClient {
        var pool = HTTPClient.Configuration.ConnectionPool(
            idleTimeout: .seconds(30), concurrentHTTP1ConnectionsPerHostSoftLimit: connections)
        pool.retryConnectionEstablishment = false
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5)), connectionPool: pool, proxy: nil,
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
}
