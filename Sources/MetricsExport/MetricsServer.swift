internal import HTTPTypes
internal import Hummingbird
public import Logging
public import ServiceLifecycle

/// Answers `GET /metrics` on a port of this machine alone, without a credential: metrics hold no secret.
public struct MetricsServer: Service {
    private let registry: MetricsRegistry
    private let address: LoopbackAddress
    private let refresh: @Sendable () async -> Void
    private let logger: Logger

    /// Describes a server.
    ///
    /// - Parameter refresh: called before each answer, to record what is only known when it is asked for.
    public init(
        registry: MetricsRegistry, address: LoopbackAddress, logger: Logger,
        refresh: @escaping @Sendable () async -> Void = {}
    ) {
        self.registry = registry
        self.address = address
        self.refresh = refresh
        self.logger = logger
    }

    /// Serves until it is told to stop; throws `MetricsExportError` where it cannot listen.
    public func run() async throws {
        let (registry, refresh, address, logger) = (registry, refresh, address, logger)
        let router = Router()
        router.get("/metrics") { _, _ in
            await refresh()
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: registry.text)))
        }
        var quiet = logger
        quiet.logLevel = .critical
        let application = Application(
            router: router, configuration: .init(address: .hostname(address.host, port: address.port)),
            onServerRunning: { _ in
                logger.notice("Metrics are served", metadata: ["url": "http://\(address)/metrics"])
            }, logger: quiet)
        do {
            try await application.run()
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw MetricsExportError(
                "cannot serve metrics on \(address): \(error). Is another process there? 'ss -tnlp' says which")
        }
    }
}
