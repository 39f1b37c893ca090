internal import Foundation
internal import HTTPTypes
internal import Hummingbird
public import Logging
public import ServiceLifecycle

/// The connector's control socket, through which `postern status` and `postern ping` ask the running service.
///
/// It is a Unix socket in the state folder, for its owner alone. The connector has no other listening socket.
public struct ControlServer: Service {
    /// What the running service answers.
    public struct Handlers: Sendable {
        var status: @Sendable () async -> ConnectorStatus
        var ping: @Sendable () async -> ControlAnswer.Ping

        /// Joins the answers.
        public init(
            status: @escaping @Sendable () async -> ConnectorStatus,
            ping: @escaping @Sendable () async -> ControlAnswer.Ping
        ) {
            self.status = status
            self.ping = ping
        }
    }

    private let path: String
    private let handlers: Handlers
    private let logger: Logger

    /// Describes a server at the given path; whatever socket stands there is replaced.
    public init(path: String, handlers: Handlers, logger: Logger) {
        self.path = path
        self.handlers = handlers
        self.logger = logger
    }

    public func run() async throws {
        let handlers = handlers
        let router = Router()
        router.get("/v1/status") { _, _ in try Self.answer(await handlers.status()) }
        router.post("/v1/ping") { _, _ in try Self.answer(await handlers.ping()) }
        var quiet = logger
        // What ends it is thrown; that it was cancelled is no error.
        quiet.logLevel = .critical
        unlink(path)
        let path = path
        let application = Application(
            router: router, configuration: .init(address: .unixDomainSocket(path: path)),
            onServerRunning: { _ in chmod(path, 0o600) }, logger: quiet)
        defer { unlink(path) }
        try await application.run()
    }

    private static func answer(_ value: some Encodable) throws -> Response {
        let body = try JSONEncoder().encode(value)
        return Response(
            status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}
