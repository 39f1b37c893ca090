public import EnrollmentProtocol
internal import Foundation
public import MachineIdentity
internal import NIOCore

/// Decides, before a secret is sent, whether a server is the tenant that an invitation speaks of.
///
/// **The trust rule.** One connection without any secret shows the server's chain and answers `GET /v1/ca`.
/// 1. The installation's root in that answer must have the pinned key.
/// 2. Whoever signed the server's leaf (the signature is verified) must have the pinned issuer key. If the two differ,
///    the issuer seen is named.
/// 3. If the issuer is that root or an authority that it signed, all later connections believe this root alone.
///    Otherwise the operator brought a certificate: they believe `--ca-file` or the system's authorities, and while
///    registering each of them must show a leaf signed by the issuer that was just seen.
/// In all cases later connections check the host name. After the registration the issuer of an operator's certificate
/// is no longer pinned, since public authorities change theirs; the connector's own certificate, which an interceptor
/// cannot use, then protects the connection's meaning.
public struct ServerExamination: Sendable {
    /// What is expected; a missing issuer pin leaves only rule 1 and the trust that follows from rule 3.
    public struct Expectation: Sendable {
        /// The pin of the TLS issuer.
        public var serverIssuer: Pin?
        /// The pin of the installation's root.
        public var authority: Pin

        /// Makes an expectation.
        public init(serverIssuer: Pin?, authority: Pin) {
            self.serverIssuer = serverIssuer
            self.authority = authority
        }
    }

    /// A server that is what it should be.
    public struct Finding: Sendable {
        /// Whom later connections believe.
        public var trust: ServerTrust
        /// The certificate, in DER, that signed the server's leaf; nil if nobody among those shown did.
        public var issuerCertificate: [UInt8]?
        /// The pin of the issuer that was seen.
        public var issuerPin: Pin?
        /// The issuer's name, for people.
        public var issuerName: String
        /// The installation's trust domain.
        public var trustDomain: String
        /// The installation's root, in DER.
        public var root: [UInt8]
    }

    private let probe: TLSProbe
    private let authorityFile: String?

    /// Prepares to look at a server.
    ///
    /// - Parameters:
    ///   - authorityFile: the file to believe for an operator's own certificate; nil for the system's.
    ///   - timeout: how long connecting, and then the answer, may take, in seconds.
    public init(
        endpoint: TenantEndpoint, proxies: ProxySettings = .none, authorityFile: String? = nil, timeout: Int = 10
    ) {
        probe = TLSProbe(
            endpoint: endpoint, proxy: proxies.proxy(for: endpoint), timeout: .seconds(Int64(timeout)))
        self.authorityFile = authorityFile
    }

    /// Looks, and compares with what is expected.
    public func examine(_ expected: Expectation) async throws(EnrollmentClientError) -> Finding {
        try judge(await look(), expected)
    }

    /// Looks at the server without believing it; nothing secret is said.
    public func look() async throws(EnrollmentClientError) -> ServerSighting {
        try await probe.look(at: APIPath.authority)
    }

    /// Compares what was seen with what is expected.
    public func judge(_ sighting: ServerSighting, _ expected: Expectation) throws(EnrollmentClientError) -> Finding {
        let authority = try? EnrollmentJSON.decode(AuthorityAnswer.self, from: Data(sighting.body))
        let installation = authority?.certificates.compactMap { try? CertificatePEM.decode($0).first } ?? []
        let issuer = sighting.chain.issuer(among: installation)
        if let pin = expected.serverIssuer, issuer?.pin != pin {
            throw mismatch(sighting.chain, issuer: issuer, expected: pin)
        }
        guard let authority, sighting.status == 200, !installation.isEmpty else {
            throw EnrollmentClientError(
                .unexpectedAnswer,
                "\(probe.endpoint) answered \(sighting.status) to GET \(APIPath.authority), not as a tenant does.",
                advice: "Look whether the URL is that of a Postern tenant.")
        }
        guard let root = installation.first(where: { PresentedChain.pin(of: $0) == expected.authority }) else {
            let seen = installation.compactMap(PresentedChain.pin).first.map(String.init(describing:)) ?? "unreadable"
            throw EnrollmentClientError(
                .authorityPinMismatch,
                "The installation at \(probe.endpoint) has the root \(seen), but \(expected.authority) is expected.",
                advice: "Nothing secret was sent. Ask the administrator for a new invitation, and whether the "
                    + "installation was set up anew.")
        }
        let trust: ServerTrust
        if let certificate = issuer?.certificate, certificate == root || PresentedChain.isSigned(certificate, by: root)
        {
            trust = .installation(rootPEM: CertificatePEM.encode([root]))
        } else {
            trust = authorityFile.map { .file(path: $0) } ?? .system
        }
        return Finding(
            trust: trust, issuerCertificate: issuer?.certificate, issuerPin: issuer?.pin,
            issuerName: issuer?.name ?? sighting.chain.claimedIssuer, trustDomain: authority.trustDomain, root: root)
    }

    static func changedIssuer(of endpoint: TenantEndpoint) -> EnrollmentClientError {
        EnrollmentClientError(
            .issuerPinMismatch, "\(endpoint) showed a certificate of another issuer than a moment before.",
            advice: "Nothing secret was sent. Look whether something on the way intercepts TLS.")
    }

    private func mismatch(
        _ chain: PresentedChain, issuer: PresentedChain.Issuer?, expected: Pin
    ) -> EnrollmentClientError {
        let seen = issuer.map { "\($0.name) (\($0.pin))" } ?? "\(chain.claimedIssuer), which is not among those shown"
        return EnrollmentClientError(
            .issuerPinMismatch,
            "The TLS certificate of \(probe.endpoint) was issued by \(seen), but an issuer with the key \(expected) is "
                + "expected.",
            advice:
                "Nothing secret was sent. If a proxy of yours intercepts TLS, except this host there; if the tenant "
                + "changed its certificate, ask for a new invitation.")
    }
}
