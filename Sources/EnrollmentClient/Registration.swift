internal import EnrollmentProtocol
public import Foundation
public import IdentityStore
internal import MachineIdentity
internal import NIOPosix

/// Registers a machine once: looks at the server, makes the key, has it certified, saves, and says hello.
///
/// The secret is sent only after the server was examined. Run again after a failure it goes on with the same key, and
/// the tenant gives the same answer; run again after a success it finds the machine registered.
public struct Registration: Sendable {
    /// How a registration ended.
    public enum Outcome: Sendable {
        /// Everything up to the first use of the secret works.
        case rehearsed
        /// The machine is registered now.
        case registered(LoadedIdentity)
        /// The machine was registered by this invitation before.
        case alreadyRegistered(LoadedIdentity)
    }

    private let request: RegistrationRequest
    private let store: FolderIdentityStore
    private let proxies: ProxySettings
    private let authorityFile: String?
    private let version: String
    private let patience: Duration

    /// Prepares a registration; nothing happens yet.
    ///
    /// - Parameter patience: how long to wait for an administrator's approval where one is needed.
    public init(
        _ request: RegistrationRequest, store: FolderIdentityStore, proxies: ProxySettings, authorityFile: String?,
        version: String, patience: Duration = .seconds(600)
    ) {
        self.request = request
        self.store = store
        self.proxies = proxies
        self.authorityFile = authorityFile
        self.version = version
        self.patience = patience
    }

    /// Registers; throws `EnrollmentClientError` or `IdentityStoreError`.
    ///
    /// - Parameters:
    ///   - isRehearsal: stop before the key is made and the secret is used.
    ///   - now: the local time.
    ///   - report: is told of each step that worked.
    public func run(
        isRehearsal: Bool, now: Date, report: (RegistrationStep) -> Void
    ) async throws -> Outcome {
        if let identity = try store.load() { return try recognise(identity) }
        let begun = ContinuousClock.now
        try store.prepare()
        report(.stateFolder(path: store.path))
        try await onDisk { store throws(IdentityStoreError) in try store.checkKeyHolder() }
        if let place = try store.keyPlace { report(.keyHolder(place: place)) }
        let (finding, offset) = try await examine(now: now, report: report)
        guard !isRehearsal else { return .rehearsed }

        let key = try await onDisk { store throws(IdentityStoreError) in try store.loadOrMakeKey() }
        report(.key(words: key.fingerprint.words))
        let answer = try await certify(key, finding, report)
        // A token may be slow, and an approval takes what a person takes.
        let waited = (ContinuousClock.now - begun) / .seconds(1)
        let certificates = try CertificateAnswer(answer, request: request, finding: finding).verified(
            for: key, at: now.addingTimeInterval(waited - offset))
        report(.certificate(connector: answer.connectorID, notAfter: answer.notAfter))
        var identity = LoadedIdentity(
            record: record(answer, finding, now: now), key: key, certificates: certificates)
        try store.save(identity.record, certificates: certificates)
        report(.saved(path: store.path))

        let own = try await greet(as: identity)
        identity.record.groups = own.groups
        try store.save(identity.record, certificates: certificates)
        report(.heartbeat(groups: own.groups.map(\.name)))
        return .registered(identity)
    }

    private func recognise(_ identity: LoadedIdentity) throws(EnrollmentClientError) -> Outcome {
        guard identity.record.invitationDigest == request.digest else {
            throw EnrollmentClientError(
                .alreadyRegistered,
                "This machine is registered already: connector \(identity.record.connectorID) of "
                    + "\(identity.record.account) at \(identity.record.tenantURL), since "
                    + "\(identity.record.registeredAt.ISO8601Format()).",
                advice:
                    "The invitation was not used. Use another --state-dir for a second connector, or --replace to give "
                    + "this one a new identity.")
        }
        return .alreadyRegistered(identity)
    }

    private func examine(
        now: Date, report: (RegistrationStep) -> Void
    ) async throws(EnrollmentClientError) -> (ServerExamination.Finding, clockOffset: TimeInterval) {
        let finding = try await ServerExamination(
            endpoint: request.endpoint, proxies: proxies, authorityFile: authorityFile
        ).examine(request.expectation)
        report(.server(endpoint: request.endpoint.description, issuer: finding.issuerName))
        // The same question again, under the rule that all later connections follow: it must not fail only after the
        // secret is used up.
        let response = try await withClient(ClientTLS(trust: finding.trust), finding: finding) {
            http async throws(EnrollmentClientError) in try await http.exchange("GET", APIPath.authority)
        }
        report(.connection(trust: Self.words(for: finding.trust)))
        // The tenant's own certificate is judged by the tenant's time: a clock that TLS forgives shall not use up the
        // invitation for nothing.
        guard let date = response.date else { return (finding, 0) }
        let offset = ClockDifference(local: Date(), server: date).seconds
        report(.clock(offset: offset))
        return (finding, abs(offset) > 60 ? TimeInterval(offset) : 0)
    }

    /// Touches disk and token on a thread that may block.
    private func onDisk<Value: Sendable>(
        _ work: @escaping @Sendable (FolderIdentityStore) throws(IdentityStoreError) -> Value
    ) async throws -> Value {
        let store = store
        return try await NIOThreadPool.singleton.runIfActive { try work(store) }
    }

    private func certify(
        _ key: IdentityKey, _ finding: ServerExamination.Finding, _ report: (RegistrationStep) -> Void
    ) async throws(EnrollmentClientError) -> EnrollAnswer {
        let secret = Secret(request.secret.text)
        return try await withClient(ClientTLS(trust: finding.trust), finding: finding, bearer: secret) {
            http async throws(EnrollmentClientError) in
            let calls = EnrollmentCalls.registering(over: http)
            let nonce = try await calls.nonce().nonce
            return try await ApprovalWait(
                calls: calls, request: try await Self.certificateRequest(for: key, nonce: nonce),
                displayName: request.displayName, patience: patience
            ).enroll(report: report)
        }
    }

    private static func certificateRequest(
        for key: IdentityKey, nonce: String
    ) async throws(EnrollmentClientError) -> CertificateRequest {
        do { return try await CertificateRequest.make(key: key, challenge: nonce) } catch {
            guard let error = error as? MachineIdentityError else { throw EnrollmentClientError(signing: error) }
            throw EnrollmentClientError(
                .unexpectedAnswer, "The tenant's nonce cannot be used: \(error.message).",
                advice: "Look whether both versions fit.")
        }
    }

    private func greet(as identity: LoadedIdentity) async throws(EnrollmentClientError) -> SelfAnswer {
        do {
            let http = try TenantHTTPClient(identity: identity, proxies: proxies, systemAuthorityFile: authorityFile)
            return try await http.use { http async throws(EnrollmentClientError) in
                let calls = EnrollmentCalls.registered(over: http)
                _ = try await calls.heartbeat(version: version)
                return try await calls.ownState()
            }
        } catch {
            throw EnrollmentClientError(
                error.code, "The machine is registered, but its first heartbeat failed: \(error.message)",
                advice: "The identity is saved and the invitation used: do not register again. \(error.advice)",
                problem: error.problem)
        }
    }

    private func withClient<Result: Sendable>(
        _ tls: ClientTLS, finding: ServerExamination.Finding, bearer: Secret? = nil,
        _ body: (TenantHTTPClient) async throws(EnrollmentClientError) -> Result
    ) async throws(EnrollmentClientError) -> Result {
        let http = try TenantHTTPClient(
            .init(
                endpoint: request.endpoint, tls: tls, requiredIssuer: finding.issuerCertificate,
                expectedIssuer: finding.issuerPin, proxies: proxies, bearer: bearer))
        return try await http.use(body)
    }

    private func record(_ answer: EnrollAnswer, _ finding: ServerExamination.Finding, now: Date) -> StoredIdentity {
        StoredIdentity(
            connectorID: answer.connectorID, displayName: request.displayName, tenant: answer.tenant,
            account: answer.account, groups: [],
            trustDomain: answer.trustDomain, tenantURL: request.endpoint.description, serverTrust: finding.trust,
            serverIssuerPin: finding.issuerPin, authorityPin: request.expectation.authority,
            keyAuthority: answer.keyAuthority, generation: answer.generation, notAfter: answer.notAfter,
            renewAt: answer.renewAt, registeredAt: now, invitationDigest: request.digest,
            recoveryDays: answer.recoveryDays)
    }

    private static func words(for trust: ServerTrust) -> String {
        switch trust {
        case .installation: "the installation's own root"
        case .file(let path): "the authorities in \(path)"
        case .system: "the system's authorities"
        }
    }
}
