internal import CertificateAuthority
internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import MachineIdentity
internal import TenantPort

/// Registration: whom to trust, a nonce, a certificate.
extension EnrollmentServer {
    private static let nonceLifetime: TimeInterval = 600

    func authority(_ call: Call) throws -> Response {
        let authority = installation.authority
        return try call.answer(
            AuthorityAnswer(
                trustDomain: authority.trustDomain,
                certificates: [authority.rootCertificate, authority.intermediateCertificate].map {
                    CertificatePEM.encode([$0])
                }, pins: pins))
    }

    func createNonce(_ call: Call) async throws -> Response {
        let grant = try await authenticator.invitation(call.request, at: call.now)
        return try await Self.naming(grant.tenant) {
            try await call.enter(as: .init(grant), of: grant.tenant)
            // One that is used up still gets nonces: its connector may ask for its certificate again.
            // So does one that has expired since, where a registration of it may still wait for its approval.
            let hasPending = grant.approveWithin != nil && grant.used > 0 && grant.revokedAt == nil
            if grant.state(at: call.now) != .consumed, !hasPending { try grant.requireOpen(at: call.now) }
            let nonce = try await scope(grant.tenant).createNonce(
                for: grant, lifetime: Self.nonceLifetime, at: call.now)
            return try call.answer(nonce, status: .created)
        }
    }

    func enroll(_ call: Call) async throws -> Response {
        let grant = try await authenticator.invitation(call.request, at: call.now)
        return try await Self.naming(grant.tenant) {
            try await call.enter(as: .init(grant), of: grant.tenant)
            let body = try await call.body(EnrollRequest.self)
            let registration = TenantScope.Registration(
                request: try Self.certificateRequest(body.csr), displayName: try Self.displayName(body.displayName),
                idempotencyKey: try Self.idempotencyKey(call.request), address: call.context.clientAddress)
            let registered = try await register(registration, grant, call)
            let answer = try enrollAnswer(
                registered.certificate, connector: registered.connectorID, tenant: grant.tenant, account: grant.account)
            return try call.answer(answer, status: .created, location: APIPath.ownState)
        }
    }

    /// Registers a connector with a certificate of the machine profile, whatever its request asks for.
    func register(
        _ registration: TenantScope.Registration, _ grant: EnrollmentGrant, _ call: Call
    ) async throws -> TenantScope.Registered {
        let (authority, tenant, now) = (installation.authority, grant.tenant, call.now)
        let registered = try await scope(tenant).register(registration, grant: grant, at: now) { connector in
            let name = try MachineName(
                trustDomain: authority.trustDomain, tenant: tenant.slug, account: grant.account,
                connector: connector)
            return try authority.issueMachineCertificate(
                publicKey: registration.request.publicKey, name: name, now: now, serial: .random())
        }
        call.context.logger.notice(
            registered.isNew ? "Connector registered" : "Connector asked for its certificate again",
            metadata: [
                "tenant": "\(tenant.slug)", "account": "\(grant.account)", "connector": "\(registered.connectorID)",
                "key": "\(registration.request.keyFingerprint)", "client": "\(call.context.clientAddress)",
            ])
        call.record?.concerns(
            "connectors/\(registered.connectorID)",
            ["key": "\(registration.request.keyFingerprint)", "new": "\(registered.isNew)"])
        return registered
    }

    /// The state of an enrollment: its own for the holder of its secret, any of the tenant's for an administrator.
    func showEnrollment(_ call: Call) async throws -> Response {
        let id = try call.parameter("id")
        if authenticator.showsInvitation(call.request) {
            let grant = try await authenticator.invitation(call.request, at: call.now)
            return try await Self.naming(grant.tenant) {
                try await call.enter(as: .init(grant), of: grant.tenant)
                guard grant.id == id else { throw Refusal.notFound("enrollment", id) }
                return try call.answer(try await scope(grant.tenant).enrollment(id, at: call.now))
            }
        }
        let administrator = try await authenticator.administrator(call.request, at: call.now)
        return try await Self.naming(administrator.tenant) {
            try await call.enter(as: .init(administrator), of: administrator.tenant)
            return try call.answer(try await scope(administrator.tenant).enrollment(id, at: call.now))
        }
    }

    /// What a connector is told about its certificate, after its registration and after each renewal.
    func enrollAnswer(
        _ certificate: StoredCertificate, connector: String, tenant: Tenant, account: String
    ) throws -> EnrollAnswer {
        // A jitter that is the certificate's own keeps repeated answers the same and a fleet apart.
        let jitter = Double(certificate.fingerprint.first ?? 128) / 127.5 - 1
        let window = RenewalWindow(notBefore: certificate.notBefore, notAfter: certificate.notAfter)
        let authority = installation.authority
        return EnrollAnswer(
            connectorID: connector, tenant: tenant.reference, account: account,
            certificate: CertificatePEM.encode([certificate.der]),
            chain: [authority.intermediateCertificate, authority.rootCertificate].map { CertificatePEM.encode([$0]) },
            notAfter: certificate.notAfter, renewAt: window.renewAt(jitter: jitter),
            generation: certificate.generation, trustDomain: authority.trustDomain,
            keyAuthority: KeyAuthorityReference(
                pin: try tenant.keyAuthorityPin(), publicKey: tenant.keyAuthority),
            recoveryDays: installation.settings.recoveryDays)
    }

    /// Reads the field `csr` of a request and verifies its signature.
    static func certificateRequest(_ pem: String) throws -> CertificateRequest {
        do { return try CertificateRequest(verifyingPEM: pem) } catch { throw Refusal(error, in: "The field “csr”") }
    }

    private static func displayName(_ name: String?) throws -> String? {
        guard let name else { return nil }
        guard (1...255).contains(name.utf8.count), name.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 })
        else {
            throw Refusal(
                .malformedRequest, "The field “display_name” needs 1 to 255 bytes without control characters.")
        }
        return name
    }

    private static func idempotencyKey(_ request: Request) throws -> String? {
        guard let name = HTTPField.Name("Idempotency-Key"), let key = request.headers[name] else { return nil }
        guard (1...255).contains(key.utf8.count) else {
            throw Refusal(.malformedRequest, "The header Idempotency-Key needs 1 to 255 bytes.")
        }
        return key
    }
}
