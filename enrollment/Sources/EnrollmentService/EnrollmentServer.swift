internal import CertificateAuthority
internal import Crypto
public import EnrollmentProtocol
internal import Foundation
public import Hummingbird
public import Logging
internal import MachineIdentity
public import RequestLimits
internal import Synchronization
public import TenantPort

/// The enrollment service of an installation: API v1, queue credentials, and who may call services.
public final class EnrollmentServer: Sendable {
    private struct Hooks {
        var standing: [@Sendable (TenantReference, _ connectorID: String, ConnectorState) -> Void] = []
        var presence: (@Sendable (TenantReference) async -> [String: String])?
    }

    /// Who may call services, by their API keys.
    public let callers: CallerDirectory
    /// Who administers tenants, by their credentials.
    public let administrators: AdministratorDirectory

    let installation: Installation
    let authenticator: Authenticator
    let logger: Logger
    let pins: AuthorityAnswer.Pins
    let door: ServiceDoor
    let now: @Sendable () -> Date
    /// A key that nobody has, so that unknown ones take as long as known ones.
    let decoyKey = Array(MachineKey().publicKey.x963Representation)
    private let verifier: QueueCredentialVerifier
    let revocations = RevocationListSource()
    private let hooks = Mutex(Hooks())

    /// Makes the service of an installation.
    ///
    /// Throws if the installation's certificates do not belong together.
    ///
    /// - Parameter limits: how much it takes.
    public convenience init(
        installation: Installation, limits: LimitSettings = LimitSettings(), logger: Logger
    ) throws {
        try self.init(installation: installation, limits: limits, logger: logger, now: { Date() }) { _, context in
            await context.clientCertificate()
        }
    }

    /// Makes the service with a clock and a source of client certificates of one's own.
    init(
        installation: Installation, limits: LimitSettings, logger: Logger, now: @escaping @Sendable () -> Date,
        clientCertificate: @escaping @Sendable (Request, PortContext) async -> [UInt8]?
    ) throws {
        self.installation = installation
        self.logger = logger
        self.now = now
        pins = AuthorityAnswer.Pins(
            serverIssuer: try installation.serverIssuerPin, authority: try installation.authorityPin)
        door = ServiceDoor(
            audit: installation.audit, limits: PortLimits(limits), log: Installation.auditLog, logger: logger)
        callers = CallerDirectory(registry: installation.registry, now: now)
        administrators = AdministratorDirectory(registry: installation.registry, rights: .standard, now: now)
        verifier = QueueCredentialVerifier(registry: installation.registry, tokens: installation.tokens)
        authenticator = Authenticator(
            registry: installation.registry, leaves: LeafCache(policy: try installation.authority.leafPolicy()),
            rights: .standard, accessTokens: installation.accessTokens, recovery: installation.settings.recovery,
            clientCertificate: clientCertificate)
    }

    /// Adds the API to a router.
    public func addRoutes(to router: Router<PortContext>) {
        routes().register(on: router, behind: door, now: now)
    }

    /// Calls the closure for each connector that is revoked, frozen or let in again, at once, so that its links can be
    /// closed and nothing that is on its way from it counts.
    public func onStandingChanged(
        _ observer: @escaping @Sendable (TenantReference, _ connectorID: String, ConnectorState) -> Void
    ) {
        hooks.withLock { $0.standing.append(observer) }
    }

    /// Asks the closure how the connectors of a tenant, by id, look to its dispatcher.
    public func seePresence(_ source: @escaping @Sendable (TenantReference) async -> [String: String]) {
        hooks.withLock { $0.presence = source }
    }

    /// Decides who comes in at the link.
    ///
    /// Throws `invalidCredential`, `expiredCredential`, `revokedCredential` or `replacedBoot`, which are final for this
    /// credential, or `frozenMember` or `registry`, after which another try may succeed.
    ///
    /// - Parameters:
    ///   - proof: the signature over `LinkProof.bytes` by the member's identity key: r and s, 64 bytes.
    ///   - nonce: what the link gave out for this connection.
    public func verify(
        token: String, proof: [UInt8], nonce: [UInt8]
    ) async throws(EnrollmentServiceError) -> QueuePrincipal {
        try await verifier.verify(token: token, proof: proof, nonce: nonce, at: now())
    }

    func scope(_ tenant: Tenant) -> TenantScope { TenantScope(registry: installation.registry, tenant: tenant) }

    func presence(of tenant: Tenant) async -> [String: String] {
        guard let source = hooks.withLock({ $0.presence }) else { return [:] }
        return await source(tenant.reference)
    }

    func revoke(_ connector: String, of tenant: Tenant, reason: String?, _ call: Call) async throws {
        guard try await scope(tenant).revokeConnector(connector, reason: reason, at: call.now) else { return }
        revocations.invalidate()
        announce(.revoked, connector, of: tenant)
        call.context.logger.notice(
            "Connector revoked", metadata: ["tenant": "\(tenant.slug)", "connector": "\(connector)"])
    }

    /// Tells links and dispatcher how a connector stands from now on; the registry has it already.
    func announce(_ standing: ConnectorState, _ connector: String, of tenant: Tenant) {
        for observer in hooks.withLock({ $0.standing }) { observer(tenant.reference, connector, standing) }
    }
}
