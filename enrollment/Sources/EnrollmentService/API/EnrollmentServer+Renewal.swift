internal import CertificateAuthority
internal import EnrollmentProtocol
internal import Foundation
internal import Hummingbird
internal import Logging
internal import MachineIdentity
internal import TenantPort

/// Renewal: the next certificate of a registered connector.
extension EnrollmentServer {
    func renewCertificate(_ call: Call) async throws -> Response {
        let member = try await authenticator.holder(call.request, call.context, at: call.now).member
        return try await Self.naming(member.tenant) {
            try await call.enter(as: .init(member), of: member.tenant)
            let body = try await call.body(RenewRequest.self)
            let renewal = TenantScope.Renewal(
                request: try Self.certificateRequest(body.csr), machine: try Self.machine(body.machine))
            guard body.generation == member.generation else {
                throw Refusal(
                    .staleGeneration,
                    "The field “generation” says \(body.generation), the certificate is of generation"
                        + " \(member.generation).")
            }
            let certificate = try await renew(renewal, of: member, call)
            return try call.answer(
                try enrollAnswer(certificate, connector: member.id, tenant: member.tenant, account: member.account))
        }
    }

    /// The next certificate of a member, or the newest again for the key that it has.
    ///
    /// - Parameter member: whom `Authenticator.holder` found; it may be superseded.
    func renew(_ renewal: TenantScope.Renewal, of member: MemberRecord, _ call: Call) async throws -> StoredCertificate
    {
        let (authority, now) = (installation.authority, call.now)
        let name = try MachineName(
            trustDomain: authority.trustDomain, tenant: member.tenant.slug, account: member.account,
            connector: member.id)
        let renewed = try await scope(member.tenant).renew(
            renewal, of: member, at: now,
            announceFreeze: { self.announce(.frozen, member.id, of: member.tenant) },
            issue: {
                try authority.issueMachineCertificate(
                    publicKey: renewal.request.publicKey, name: name, now: now, serial: .random())
            })
        switch renewed {
        case .issued(let certificate, let machineChanged):
            note("Certificate renewed", certificate, machineChanged: machineChanged, of: member, call)
            return certificate
        case .repeated(let certificate, let machineChanged):
            note(
                "Connector asked for its certificate again", certificate, machineChanged: machineChanged, of: member,
                call)
            return certificate
        case .clone:
            call.context.logger.error(
                "Clone suspected, connector frozen",
                metadata: Self.metadata(member, call).merging(
                    ["key": "\(member.keyFingerprint)", "asked_for": "\(renewal.request.keyFingerprint)"]
                ) { first, _ in first })
            throw Refusal(
                .cloneSuspected,
                "Somebody else has renewed the identity of \(member.id): both are shut out until an administrator has"
                    + " found out who is who.")
        }
    }

    private func note(
        _ message: Logger.Message, _ certificate: StoredCertificate, machineChanged: Bool, of member: MemberRecord,
        _ call: Call
    ) {
        var metadata = Self.metadata(member, call)
        metadata["generation"] = "\(certificate.generation)"
        metadata["not_after"] = "\(RFC3339.text(of: certificate.notAfter))"
        call.context.logger.notice(message, metadata: metadata)
        guard machineChanged else { return }
        call.context.logger.warning("Connector renewed from another machine", metadata: metadata)
    }

    private static func metadata(_ member: MemberRecord, _ call: Call) -> Logger.Metadata {
        [
            "tenant": "\(member.tenant.slug)", "connector": "\(member.id)", "shown": "\(member.generation)",
            "newest": "\(member.newestGeneration)", "client": "\(call.context.clientAddress)",
        ]
    }

    private static func machine(_ text: String?) throws -> String? {
        guard let text else { return nil }
        guard (16...128).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Refusal(
                .malformedRequest, "The field “machine” needs a hash of 16 to 128 characters without spaces.")
        }
        return text
    }
}
