internal import Foundation
internal import HTTPTypes
internal import Hummingbird
public import Logging
public import ServiceLifecycle

/// The connector's control socket, through which the other commands of `postern` ask and order the running service.
///
/// It is a Unix socket in the state folder, for its owner alone. The connector has no other listening socket.
public struct ControlServer: Service {
    /// What the running service answers, and how it carries orders out.
    public struct Handlers: Sendable {
        /// Says how the connector stands.
        public var status: @Sendable () async -> ConnectorStatus
        /// Goes through the queue and back.
        public var ping: @Sendable () async -> ControlAnswer.Ping
        /// Begins a drain.
        public var drain: @Sendable (ControlOrder.Drain) async throws(ControlRefusal) -> Void
        /// Begins a pause.
        public var pause: @Sendable (ControlOrder.Pause) async throws(ControlRefusal) -> Void
        /// Ends a pause.
        public var resume: @Sendable () async throws(ControlRefusal) -> Void

        /// Renews the certificate now.
        public var rotate: @Sendable () async throws(ControlRefusal) -> ControlAnswer.Rotation

        /// Joins the answers.
        public init(
            status: @escaping @Sendable () async -> ConnectorStatus,
            ping: @escaping @Sendable () async -> ControlAnswer.Ping,
            drain: @escaping @Sendable (ControlOrder.Drain) async throws(ControlRefusal) -> Void,
            pause: @escaping @Sendable (ControlOrder.Pause) async throws(ControlRefusal) -> Void,
            resume: @escaping @Sendable () async throws(ControlRefusal) -> Void,
            rotate: @escaping @Sendable () async throws(ControlRefusal) -> ControlAnswer.Rotation = {
                () async throws(ControlRefusal) in throw ControlRefusal("this service keeps no certificate")
            }
        ) {
            self.status = status
            self.ping = ping
            self.drain = drain
            self.pause = pause
            self.resume = resume
            self.rotate = rotate
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
        router.post("/v1/drain") { request, _ in
            try await Self.obey(request, handlers.drain, then: handlers.status)
        }
        router.post("/v1/pause") { request, _ in
            try await Self.obey(request, handlers.pause, then: handlers.status)
        }
        router.post("/v1/resume") { _, _ in
            do throws(ControlRefusal) {
                try await handlers.resume()
            } catch {
                return try Self.answer(error, status: .conflict)
            }
            return try Self.answer(await handlers.status())
        }
        router.post("/v1/rotate") { _, _ in
            let answer: ControlAnswer.Rotation
            do throws(ControlRefusal) {
                answer = try await handlers.rotate()
            } catch {
                return try Self.answer(error, status: .conflict)
            }
            return try Self.answer(answer)
        }
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

    /// Reads an order, has it carried out, and answers how the connector stands then.
    private static func obey<Order: Decodable>(
        _ request: Request, _ handler: @Sendable (Order) async throws(ControlRefusal) -> Void,
        then status: @Sendable () async -> ConnectorStatus
    ) async throws -> Response {
        let body = try await request.body.collect(upTo: ControlOrder.largestBody)
        let order: Order
        do {
            order = try JSONDecoder().decode(Order.self, from: Data(body.readableBytesView))
        } catch {
            return try answer(ControlRefusal("the order cannot be read: \(error)"), status: .badRequest)
        }
        do throws(ControlRefusal) {
            try await handler(order)
        } catch {
            return try answer(error, status: .conflict)
        }
        return try answer(await status())
    }

    private static func answer(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let body = try JSONEncoder().encode(value)
        return Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}
