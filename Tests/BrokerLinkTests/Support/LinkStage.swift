import BrokerCore
import Logging
import NIOSSL
import RelayFormat
import ServiceLifecycle
import Synchronization
import TenantPort
import TestCertificates
import Testing

@testable import BrokerLink

/// A link server before a broker on a real port of this machine.
final class LinkStage: Sendable {
    let server: LinkServer
    let book = CredentialBook()
    let authority: TestAuthority
    let port: Int
    private let services: ServiceGroup
    /// Owned by the stage; both end in `stop`.
    private let tasks: [Task<Void, any Error>]

    init(
        broker: any Broker, configuration: LinkServer.Configuration = .init(), isAuthorizationEnforced: Bool = true
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let authority = try TestAuthority()
        let book = book
        let server = LinkServer(
            broker: broker, configuration: configuration, clock: .system,
            isAuthorizationEnforced: isAuthorizationEnforced, logger: logger
        ) { credential, nonce in try book.authenticate(credential, nonce: nonce) }
        let listening = Mailbox<Int>()
        let tenantPort = try PortService(
            configuration: .init(host: "127.0.0.1", port: 0, tls: try authority.serverTLS()),
            upgrade: PortUpgrade(path: "/v1/link", handler: server.accept), logger: logger,
            onListening: { listening.put(CollectionOfOne($0)) }, routes: { _ in })
        let services = ServiceGroup(configuration: .init(services: [tenantPort], logger: logger))
        tasks = [Task { try await services.run() }, Task { await server.run() }]
        self.services = services
        self.server = server
        self.authority = authority
        port = try #require(await listening.take()?.first)
    }

    func stop() async {
        await services.triggerGracefulShutdown()
        for task in tasks {
            task.cancel()
            _ = await task.result
        }
    }

    /// A principal that may do what its role may.
    static func principal(
        _ role: LinkRole, tenant: TenantID, member: MemberID = .random(), boot: BootID = .random(),
        groups: Set<GroupID> = [], living: Duration = .seconds(3600)
    ) -> LinkPrincipal {
        LinkPrincipal(
            tenant: tenant, member: member, boot: boot, role: role, groups: groups,
            expiresAt: RelayClock.system.now + living)
    }

    func client(
        _ principal: LinkPrincipal, over port: Int? = nil,
        adjust: (inout LinkClient.Configuration) -> Void = { _ in }
    ) throws -> LinkClientRun {
        let book = book
        return try client(over: port, adjust: adjust) { CredentialBook.prove(book.issue(principal), $0) }
    }

    func client(
        over port: Int? = nil, adjust: (inout LinkClient.Configuration) -> Void = { _ in },
        credential: @escaping @Sendable ([UInt8]) async throws -> LinkCredential
    ) throws -> LinkClientRun {
        var configuration = LinkClient.Configuration(
            host: "127.0.0.1", port: port ?? self.port, tls: try authority.clientTLS())
        adjust(&configuration)
        return try LinkClientRun(configuration, credential: credential)
    }
}
