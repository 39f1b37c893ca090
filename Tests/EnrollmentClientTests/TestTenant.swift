import CertificateAuthority
import Crypto
import EnrollmentProtocol
import Foundation
import MachineIdentity
import NIOConcurrencyHelpers
import HTTPProblems

/// The registering side of a tenant, as small as it can be: one account, one secret, one use, any key once.
final class TestTenant: Sendable {
    struct Oddities: Sendable {
        /// Certifies this key instead of the one asked for.
        var otherKey: MachineKey?
        /// Writes this account into the certificate.
        var account = "gw-site-a"
        /// Signs with the authority of another installation.
        var otherInstallation: TestInstallation?
        /// Answers the first certificate request, but the answer is lost.
        var losesFirstAnswer = false
        /// Refuses heartbeats.
        var refusesHeartbeats = false
    }

    let installation: TestInstallation
    let keyAuthority = P256.Signing.PrivateKey().publicKey
    let invitationSecret: SecretToken
    private let oddities: Oddities
    private let certified = NIOLockedValueBox<[KeyFingerprint: EnrollAnswer]>([:])

    init(_ installation: TestInstallation, oddities: Oddities = .init()) {
        self.installation = installation
        self.oddities = oddities
        var generator = SystemRandomNumberGenerator()
        invitationSecret = .random(.enrollment, using: &generator)
    }

    func invitation(port: Int, keyAuthority pin: Pin? = nil) throws -> Invitation {
        try Invitation(
            url: "https://127.0.0.1:\(port)", account: "gw-site-a", secret: invitationSecret,
            serverIssuer: installation.issuerPin, authority: installation.rootPin,
            keyAuthority: pin ?? Pin(publicKeyDER: keyAuthority.derRepresentation))
    }

    func answer(_ request: TestServer.Received) -> TestServer.Reply {
        do {
            switch request.path {
            case APIPath.authority: return .init(body: try installation.authorityAnswer)
            case APIPath.nonces:
                guard isAuthorised(request) else { return try problem(.invalidCredentials) }
                return try reply(NonceAnswer(nonce: "the-nonce", expiresAt: Date().addingTimeInterval(60)), status: 201)
            case APIPath.enrollments:
                guard isAuthorised(request) else { return try problem(.invalidCredentials) }
                return try enroll(request)
            case APIPath.heartbeat:
                guard request.clientCertificate != nil else { return try problem(.certificateRequired) }
                if oddities.refusesHeartbeats { return try problem(.notReady) }
                return try reply(HeartbeatAnswer(serverTime: Date(), interval: 30))
            case APIPath.ownState:
                return try reply(
                    SelfAnswer(
                        connectorID: "one", tenant: TenantReference(id: "t", slug: "acme"), account: "gw-site-a",
                        role: .connector, state: .active, groups: [GroupReference(id: "g", name: "site-a")],
                        generation: 1, notAfter: Date(), serverTime: Date()))
            default: return try problem(.notFound)
            }
        } catch {
            return .init(status: 500, body: Array("\(error)".utf8))
        }
    }

    private func isAuthorised(_ request: TestServer.Received) -> Bool {
        request.headers["authorization"] == "Bearer \(invitationSecret.text)"
    }

    private func enroll(_ request: TestServer.Received) throws -> TestServer.Reply {
        let body = try EnrollmentJSON.decodeStrictly(EnrollRequest.self, from: Data(request.body.utf8))
        let csr = try CertificateRequest(verifyingPEM: body.csr)
        try csr.requireChallenge("the-nonce")
        if let known = certified.withLockedValue({ $0[csr.keyFingerprint] }) { return try reply(known, status: 201) }
        guard certified.withLockedValue(\.isEmpty) else { return try problem(.enrollmentConsumed) }
        let signer = oddities.otherInstallation ?? installation
        let issued = try signer.authority.issueMachineCertificate(
            publicKey: oddities.otherKey?.publicKey ?? csr.publicKey,
            name: MachineName(trustDomain: "example.org", tenant: "acme", account: oddities.account, connector: "one"),
            now: Date(), serial: .random())
        let answer = EnrollAnswer(
            connectorID: "one", tenant: TenantReference(id: "t", slug: "acme"), account: "gw-site-a",
            certificate: issued.pem,
            chain: [signer.authority.intermediateCertificate, signer.root].map { CertificatePEM.encode([$0]) },
            notAfter: issued.notAfter, renewAt: issued.renewalWindow.renewAt(), generation: 1,
            trustDomain: "example.org",
            keyAuthority: KeyAuthorityReference(
                pin: Pin(publicKeyDER: keyAuthority.derRepresentation), publicKey: keyAuthority.pemRepresentation))
        certified.withLockedValue { $0[csr.keyFingerprint] = answer }
        return oddities.losesFirstAnswer ? .init(status: 504) : try reply(answer, status: 201)
    }

    private func reply(_ answer: some Encodable, status: Int = 200) throws -> TestServer.Reply {
        .init(status: status, body: Array(try EnrollmentJSON.encode(answer)))
    }

    private func problem(_ problem: EnrollmentProblem) throws -> TestServer.Reply {
        let details = ProblemDetails(
            code: problem.rawValue, title: problem.title, status: problem.status, detail: problem.title,
            retryable: problem.isRetryable)
        return .init(status: problem.status, body: Array(try JSONEncoder().encode(details)))
    }
}
