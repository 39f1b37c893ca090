internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import MachineIdentity
internal import TenantPort

/// Connectors and dispatchers: by their certificate, or by an access token where a proxy ends TLS before us.
extension Authenticator {
    /// A registered member whose certificate counts; its first use puts the one before out of use.
    func member(_ request: Request, _ context: PortContext, at now: Date) async throws -> MemberRecord {
        let (member, scope) = try await holder(request, context, at: now)
        guard scope == .member else {
            throw Refusal(
                .notPermitted,
                "The access token is good for \(APIPath.renewCertificate) alone: the certificate has ended or is superseded.",
                tenant: member.tenant)
        }
        guard !member.isSuperseded else { throw Refusal.superseded(member) }
        return member
    }

    /// Whoever holds the key of a certificate that was issued here and is neither revoked nor frozen.
    ///
    /// It may be superseded: only a renewal finds out whether that is a copy.
    func holder(
        _ request: Request, _ context: PortContext, at now: Date
    ) async throws -> (member: MemberRecord, scope: AccessScope) {
        let (member, scope) =
            if let token = Self.accessToken(request) {
                try await bearer(of: token, at: now)
            } else {
                (try await owner(ofCertificate: await clientCertificate(request, context), at: now), AccessScope.member)
            }
        try requireStanding(member)
        if member.isFirstUse {
            try await TenantScope(registry: registry, tenant: member.tenant).noteFirstUse(of: member, at: now)
        }
        return (member, scope)
    }

    /// Refuses one that is revoked or frozen, or whose role may do nothing here.
    func requireStanding(_ member: MemberRecord) throws {
        guard !member.isRevoked else {
            throw Refusal(.certificateRevoked, "The connector \(member.id) is revoked.", tenant: member.tenant)
        }
        guard !member.isFrozen else {
            throw Refusal(.connectorFrozen, Self.frozen(member.id, member.freezeReason), tenant: member.tenant)
        }
        guard rights.mayServe(member.role) else {
            throw Refusal(
                .notPermitted, "The role “\(member.role.rawValue)” does not permit this.", tenant: member.tenant)
        }
    }

    /// What a frozen connector is told, with the administrator's reason where there is one.
    static func frozen(_ id: String, _ reason: String?) -> String {
        "The connector \(id) is frozen until an administrator lets it in again" + (reason.map { ": \($0)" } ?? "") + "."
    }

    private func owner(ofCertificate certificate: [UInt8]?, at now: Date) async throws -> MemberRecord {
        guard let certificate else {
            throw Refusal(.certificateRequired, "Show the certificate that the registration gave you.")
        }
        let leaf: MachineLeaf
        do { leaf = try leaves.judge(certificate, at: now) } catch {
            throw Refusal(
                error.code == .certificateExpired ? .certificateExpired : .invalidCredentials,
                "The client certificate is not accepted: \(error.message).")
        }
        guard let member = try await registry.member(certificate: leaf.fingerprint), member.id == leaf.name.connector,
            member.tenant.slug == leaf.name.tenant
        else { throw Refusal(.invalidCredentials, "The client certificate is not one that is registered here.") }
        return member
    }

    /// Who holds an access token, by what the registry says of the certificate behind it now.
    private func bearer(of token: String, at now: Date) async throws -> (MemberRecord, AccessScope) {
        let grant = try await accessTokens.read(token, now: now)
        guard let member = try await registry.member(id: grant.connectorID, key: grant.key),
            member.tenant.id == grant.tenantID
        else { throw Refusal.invalidCredentials }
        let end = grant.scope == .member ? member.notAfter : member.notAfter.addingTimeInterval(recovery)
        guard now <= end else {
            throw Refusal(
                .certificateExpired, "The certificate behind the access token expired at \(member.notAfter).",
                tenant: member.tenant)
        }
        return (member, grant.scope)
    }

    /// The bearer token that has the form of a JWT; our own secrets have no dots.
    private static func accessToken(_ request: Request) -> String? {
        let parts = (request.headers[.authorization] ?? "").split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer", parts[1].count(where: { $0 == "." }) == 2 else {
            return nil
        }
        return String(parts[1])
    }
}

extension Refusal {
    static func superseded(_ member: MemberRecord) -> Refusal {
        Refusal(
            .staleGeneration,
            "The certificate of generation \(member.generation) has been superseded by generation"
                + " \(member.newestGeneration); use that one.", tenant: member.tenant)
    }
}
