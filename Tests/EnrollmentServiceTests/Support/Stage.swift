import EnrollmentProtocol
import Foundation
import HTTPTypes
import Hummingbird
import IdentityStore
import Logging
import MachineIdentity
import NIOCore
import NIOEmbedded
import RequestLimits
import HTTPProblems
import Synchronization
import TenantPort
import Testing

@testable import EnrollmentService

/// An installation in a scratch folder with two tenants, and its API without a network in between.
final class Stage: Sendable {
    static let certificateHeader = HTTPField.Name("X-Test-Certificate") ?? .from

    /// A tenant and the credential of its administrator.
    struct TenantAccess: Sendable {
        let tenant: Tenant
        let administrator: String
    }

    let path: String
    let installation: Installation
    let service: EnrollmentServer
    let acme: TenantAccess
    let other: TenantAccess
    private let responder: RouterResponder<PortContext>
    private let clock: TurnableClock
    private let ownsFolder: Bool

    init(
        limits: LimitSettings = .unlimited, kafka: (settings: KafkaSettings, files: [KafkaFile: String])? = nil
    ) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "enrollment-\(UUID().uuidString)").path
        self.path = path
        // Whole seconds, as certificates have them.
        let start = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded())
        let clock = TurnableClock(start)
        self.clock = clock
        var plan = Installation.Plan(
            hosts: ["localhost", "127.0.0.1"], trustDomain: "postern.test", publicURL: "https://localhost:8443",
            ownTLS: nil)
        plan.kafka = kafka
        installation = try await Installation.make(plan, in: StateFolder(path: path), now: start)
        acme = try Self.access(installation.createTenant(slug: "acme", name: "Acme", now: start))
        other = try Self.access(installation.createTenant(slug: "other", name: "Other", now: start))
        ownsFolder = true
        (service, responder) = try Self.serve(installation, limits, clock)
    }

    /// Opens the folder of another stage as a process does that starts; the clock is the same.
    init(restarting stage: Stage) async throws {
        (path, clock, acme, other, ownsFolder) = (stage.path, stage.clock, stage.acme, stage.other, false)
        installation = try await Installation.open(StateFolder(path: stage.path), now: stage.now)
        (service, responder) = try Self.serve(installation, .unlimited, clock)
    }

    private static func serve(
        _ installation: Installation, _ limits: LimitSettings, _ clock: TurnableClock
    ) throws -> (EnrollmentServer, RouterResponder<PortContext>) {
        let service = try EnrollmentServer(
            installation: installation, limits: limits, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            now: { clock.now }
        ) { request, _ in
            request.headers[certificateHeader].flatMap { Base64URL.decode($0) }
        }
        let router = Router(context: PortContext.self)
        service.addRoutes(to: router)
        return (service, router.buildResponder())
    }

    deinit {
        if ownsFolder { try? FileManager.default.removeItem(atPath: path) }
    }

    var now: Date { clock.now }

    func advance(by seconds: TimeInterval) { clock.advance(by: seconds) }

    /// Sends a request.
    func call(
        _ method: HTTPRequest.Method, _ path: String, bearer: String? = nil, certificate: [UInt8]? = nil,
        body: String? = nil, type: String? = "application/json", headers: HTTPFields = [:]
    ) async throws -> Answer {
        try await call(
            method, path, bearer: bearer, certificate: certificate, bytes: body.map { Array($0.utf8) }, type: type,
            headers: headers)
    }

    /// Sends a request with a body of bytes.
    func call(
        _ method: HTTPRequest.Method, _ path: String, bearer: String? = nil, certificate: [UInt8]? = nil,
        bytes: [UInt8]?, type: String?, headers: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = headers
        if let bearer { headers[.authorization] = "Bearer \(bearer)" }
        if let certificate { headers[Self.certificateHeader] = Base64URL.encode(certificate) }
        if bytes != nil { headers[.contentType] = type }
        let head = HTTPRequest(
            method: method, scheme: "https", authority: "localhost", path: path, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(bytes: bytes ?? [])))
        let context = PortContext(
            source: ApplicationRequestContextSource(
                channel: NIOAsyncTestingChannel(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        let response = try await responder.respond(to: request, context: context)
        let writer = Writer()
        try await response.body.write(writer)
        return Answer(
            status: response.status.code, headers: response.headers, body: writer.bytes.withLock { Data($0) })
    }

    /// Sends a message.
    func call(
        _ method: HTTPRequest.Method, _ path: String, bearer: String? = nil, certificate: [UInt8]? = nil,
        message: some Encodable, headers: HTTPFields = [:]
    ) async throws -> Answer {
        try await call(
            method, path, bearer: bearer, certificate: certificate,
            body: String(decoding: try EnrollmentJSON.encode(message), as: UTF8.self), headers: headers)
    }

    private static func access(_ made: (Tenant, SecretToken)) -> TenantAccess {
        TenantAccess(tenant: made.0, administrator: made.1.text)
    }

    /// A clock that stands still until it is moved.
    private final class TurnableClock: Sendable {
        private let date: Mutex<Date>
        init(_ date: Date) { self.date = Mutex(date) }
        var now: Date { date.withLock { $0 } }
        func advance(by seconds: TimeInterval) { date.withLock { $0.addTimeInterval(seconds) } }
    }

    private final class Writer: ResponseBodyWriter {
        let bytes = Mutex<[UInt8]>([])
        func write(_ buffer: ByteBuffer) async throws { bytes.withLock { $0 += buffer.readableBytesView } }
        func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}
