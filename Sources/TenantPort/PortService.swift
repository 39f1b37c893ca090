public import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOCore
internal import NIOSSL
public import ServiceLifecycle

/// The tenant's one TLS port: HTTP APIs and the broker link side by side.
///
/// Every answer carries `Postern-Request-Id`, every error is `application/problem+json`, and no body, head or handshake
/// may take longer or grow larger than the configuration allows.
public struct PortService: Service {
    private let configuration: Configuration
    private let context: NIOSSLContext
    private let responder: PortResponder
    private let upgrade: PortUpgrade?
    private let logger: Logger
    private let onListening: (@Sendable (Int) async -> Void)?

    /// Prepares a port; it listens from `run` on.
    ///
    /// - Parameters:
    ///   - upgrade: what WebSockets are for, and at which path; nil takes none.
    ///   - readiness: asked by `/readyz`.
    ///   - onListening: told the port number as soon as connections are taken.
    ///   - routes: adds the APIs to a router that has the shared middleware, `/healthz` and `/readyz` already.
    /// - Throws: an error of NIOSSL for a certificate or key that cannot be used.
    public init(
        configuration: Configuration, upgrade: PortUpgrade? = nil, logger: Logger,
        readiness: @escaping @Sendable () async -> Readiness = { .ready },
        onListening: (@Sendable (Int) async -> Void)? = nil, routes: (Router<PortContext>) -> Void
    ) throws {
        self.configuration = configuration
        self.upgrade = upgrade
        self.logger = logger
        self.onListening = onListening
        context = try NIOSSLContext(configuration: configuration.effectiveTLS)

        let router = Router(context: PortContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware())
        HealthRoutes(readiness: readiness).add(to: router)
        if let upgrade {
            router.get(RouterPath(upgrade.path)) { _, _ -> Response in throw ProblemResponse(.upgradeRequired) }
        }
        routes(router)
        responder = PortResponder(router: router.buildResponder())
    }

    public func run() async throws {
        let (context, configuration, upgrade, requests) = (context, configuration, upgrade, responder.requests)
        let application = Application(
            responder: responder,
            server: HTTPServerBuilder { responder in
                UpgradableChannel(
                    responder: responder, context: context, configuration: configuration, upgrade: upgrade,
                    requests: requests)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    configuration.maximumConnections, logger: logger)),
            onServerRunning: { [onListening] channel in
                guard let port = channel.localAddress?.port else { return }
                await onListening?(port)
            },
            logger: logger)
        try await application.run()
    }
}
