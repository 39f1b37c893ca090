public import EnrollmentProtocol
public import MachineIdentity
internal import HTTPProblems

/// The calls of a machine: first with an invitation's secret, then with its own certificate.
public struct EnrollmentCalls: Sendable {
    let http: TenantHTTPClient
    private let isRegistering: Bool

    /// Calls over a client whose bearer is an enrollment secret.
    public static func registering(over http: TenantHTTPClient) -> Self { Self(http: http, isRegistering: true) }
    /// Calls over a client that shows the machine's certificate.
    public static func registered(over http: TenantHTTPClient) -> Self { Self(http: http, isRegistering: false) }

    /// Fetches a nonce for one certificate request.
    public func nonce() async throws(EnrollmentClientError) -> NonceAnswer {
        try await explained { () async throws(EnrollmentClientError) in try await http.call("POST", APIPath.nonces) }
    }

    /// Asks how the tenant sees this machine.
    public func ownState() async throws(EnrollmentClientError) -> SelfAnswer {
        try await explained { () async throws(EnrollmentClientError) in try await http.call("GET", APIPath.ownState) }
    }

    /// Says that the machine lives.
    public func heartbeat(
        version: String?, audit: AuditHeadsMessage? = nil
    ) async throws(EnrollmentClientError) -> HeartbeatAnswer {
        try await explained { () async throws(EnrollmentClientError) in
            try await http.call("POST", APIPath.heartbeat, body: HeartbeatRequest(version: version, audit: audit))
        }
    }

    /// Asks for what one process start needs at the broker.
    ///
    /// - Parameter isObserver: whether the process only looks: it takes no other one's place.
    public func queueCredentials(
        bootID: String, isObserver: Bool = false
    ) async throws(EnrollmentClientError) -> QueueCredentialsAnswer {
        try await explained { () async throws(EnrollmentClientError) in
            try await http.call(
                "POST", APIPath.queueCredentials,
                body: QueueCredentialsRequest(bootID: bootID, observer: isObserver ? true : nil))
        }
    }

    /// Gives the machine's identity up for good.
    public func revoke(reason: String?) async throws(EnrollmentClientError) {
        try await explained { () async throws(EnrollmentClientError) in
            try await http.call("POST", APIPath.revokeCertificate, body: ReasonRequest(reason: reason))
        }
    }

    /// Asks for the next certificate, whose key has signed the request; the same key gets the same answer again.
    public func renew(
        _ request: CertificateRequest, generation: Int, machine: String?
    ) async throws(EnrollmentClientError) -> EnrollAnswer {
        try await explained { () async throws(EnrollmentClientError) in
            try await http.call(
                "POST", APIPath.renewCertificate,
                body: RenewRequest(csr: request.pem, generation: generation, machine: machine))
        }
    }

    func explained<Answer>(
        _ call: () async throws(EnrollmentClientError) -> Answer
    ) async throws(EnrollmentClientError) -> Answer {
        do { return try await call() } catch {
            guard let problem = error.problem, let known = EnrollmentProblem(rawValue: problem.code) else {
                throw error
            }
            throw explain(known, problem) ?? error
        }
    }

    /// What a problem means for a machine; nil if the tenant's own words are enough.
    private func explain(_ known: EnrollmentProblem, _ problem: ProblemDetails) -> EnrollmentClientError? {
        let request = problem.instance.map { " (Request id: \($0).)" } ?? ""
        func error(_ code: EnrollmentClientError.Code, _ advice: String) -> EnrollmentClientError {
            EnrollmentClientError(code, problem.detail, advice: advice + request, problem: problem)
        }
        switch known {
        case .invalidCredentials where isRegistering, .enrollmentConsumed, .enrollmentExpired:
            return error(.secretRefused, "Ask the administrator for a new invitation.")
        case .certificateRequired where !isRegistering:
            return EnrollmentClientError(
                .untrustedServer,
                "The tenant did not see this machine's certificate, so that TLS ends on the way to it.",
                advice: "If a proxy of yours inspects TLS, except the tenant's host there; 'postern doctor' names it."
                    + request, problem: problem)
        case .keyReuse:
            return error(
                .secretRefused,
                "Ask the administrator for a new invitation, and register with --replace, which makes a new key.")
        case .registrationRejected:
            return error(.rejected, "Ask the administrator why; to try again, a new invitation is needed.")
        case .connectorFrozen, .cloneSuspected:
            return error(
                .frozen,
                "Ask the tenant's administrator: 'posternctl connectors unfreeze' lets it in again. A service that runs"
                    + " comes back by itself.")
        case .bootReplaced:
            return error(
                .replaced,
                "Look where else this state folder, or a copy of it, is in use. Starting this one again would drive the"
                    + " other out.")
        case .certificateExpired:
            return error(
                .certificateEnded,
                "'postern run' and 'postern rotate' recover it until 30 days after its end; later: 'postern register "
                    + "--replace' with a new invitation.")
        case .staleGeneration:
            return error(
                .superseded,
                "Another copy of this state folder has renewed. Stop one of them; where this is an old backup: "
                    + "'postern register --replace' with a new invitation.")
        case .invalidCredentials, .certificateRevoked, .notPermitted:
            return error(
                .rejected,
                "Ask the administrator; if the machine shall come back: 'postern register --replace' with a new "
                    + "invitation.")
        default:
            return nil
        }
    }
}
