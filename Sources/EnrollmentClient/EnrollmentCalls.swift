public import EnrollmentProtocol
public import MachineIdentity
internal import HTTPProblems

/// The calls of a machine: first with an invitation's secret, then with its own certificate.
public struct EnrollmentCalls: Sendable {
    private let http: TenantHTTPClient
    private let isRegistering: Bool

    /// Calls over a client whose bearer is an enrollment secret.
    public static func registering(over http: TenantHTTPClient) -> Self { Self(http: http, isRegistering: true) }
    /// Calls over a client that shows the machine's certificate.
    public static func registered(over http: TenantHTTPClient) -> Self { Self(http: http, isRegistering: false) }

    /// Fetches a nonce for one certificate request.
    public func nonce() async throws(EnrollmentClientError) -> NonceAnswer {
        try await explained { () async throws(EnrollmentClientError) in try await http.call("POST", APIPath.nonces) }
    }

    /// Asks for the certificate; the same key and secret get the same answer again.
    public func enroll(
        _ request: CertificateRequest, displayName: String?
    ) async throws(EnrollmentClientError) -> EnrollAnswer {
        try await explained { () async throws(EnrollmentClientError) in
            try await http.call(
                "POST", APIPath.enrollments, body: EnrollRequest(csr: request.pem, displayName: displayName))
        }
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
    public func queueCredentials(bootID: String) async throws(EnrollmentClientError) -> QueueCredentialsAnswer {
        try await explained { () async throws(EnrollmentClientError) in
            try await http.call("POST", APIPath.queueCredentials, body: QueueCredentialsRequest(bootID: bootID))
        }
    }

    /// Gives the machine's identity up for good.
    public func revoke(reason: String?) async throws(EnrollmentClientError) {
        try await explained { () async throws(EnrollmentClientError) in
            try await http.call("POST", APIPath.revokeCertificate, body: RevokeRequest(reason: reason))
        }
    }

    private func explained<Answer>(
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
        case .invalidCredentials where isRegistering, .enrollmentConsumed, .enrollmentExpired, .keyReuse:
            return error(.secretRefused, "Ask the administrator for a new invitation.")
        case .invalidCredentials, .certificateRevoked, .connectorFrozen, .cloneSuspected, .notPermitted,
            .certificateExpired:
            return error(
                .rejected,
                "Ask the administrator; if the machine shall come back: 'postern unregister --local', then 'postern "
                    + "register' with a new invitation.")
        default:
            return nil
        }
    }
}
