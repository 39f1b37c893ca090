internal import AuditLog
internal import CertificateAuthority
internal import Crypto
internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import KeyAuthority
internal import Logging
internal import MachineIdentity
internal import NIOCore
internal import RelayFormat
internal import RelaySealing
internal import TenantPort

/// The Key Authority of a tenant, where it runs on a machine of its own: it fetches the membership and brings epochs.
///
/// It proves its key by a signed statement for each call, like a connector at `/oauth2/token`, in the tenant's name. That a
/// statement can be shown again within its two minutes gives nobody anything: what is read holds no secret, and an epoch
/// is taken once.
extension EnrollmentServer {
    private static let longestManifest = 12 << 20
    /// By how much the clock of the Key Authority may differ.
    private static let leeway: TimeInterval = 60

    func addRemoteAuthority(to list: inout RouteList) {
        keyAuthority(.get, APIPath.membership, in: &list) { call, tenant in
            try await self.membership(call, tenant)
        }
        keyAuthority(.post, APIPath.epochs, in: &list) { call, tenant in
            try await self.takeEpoch(call, tenant)
        }
    }

    /// A route for the Key Authority of a tenant alone.
    private func keyAuthority(
        _ method: HTTPRequest.Method, _ path: String, in list: inout RouteList,
        _ handler: @escaping @Sendable (Call, Tenant) async throws -> Response
    ) {
        list.add(method, path) { call in
            let tenant = try await self.keyAuthority(call)
            return try await Self.naming(tenant) {
                try await call.enter(as: .init(kind: "key-authority", id: tenant.id, name: tenant.slug), of: tenant)
                return try await handler(call, tenant)
            }
        }
    }

    /// The tenant whose Key Authority makes the call.
    private func keyAuthority(_ call: Call) async throws -> Tenant {
        let parts = (call.request.headers[.authorization] ?? "").split(separator: " ")
        let url = installation.settings.publicURL
        guard parts.count == 2, parts[0].lowercased() == "bearer",
            let assertion = try? PresentedAssertion(
                String(parts[1]),
                audiences: [url + APIPath.accessTokens, url, "spiffe://" + installation.settings.trustDomain],
                at: call.now),
            let tenant = try await installation.registry.presentTenants().first(where: {
                $0.id == assertion.connectorID
            })
        else { throw Refusal.invalidCredentials }
        let key = try P256.Signing.PublicKey(pemRepresentation: tenant.keyAuthority)
        guard KeyFingerprint(key) == assertion.key, assertion.isSigned(by: Array(key.x963Representation)) else {
            throw Refusal.invalidCredentials
        }
        return tenant
    }

    private func membership(_ call: Call, _ tenant: Tenant) async throws -> Response {
        let registry = installation.registry
        // The number comes first: a change after it is answered the next time.
        let changes = try await registry.membershipChanges()[tenant.id] ?? 0
        if let known = call.request.uri.queryParameters["changes"], Int64(known) == changes { return call.answer() }
        let (rules, suite) = (installation.settings.epochRules, installation.settings.sealingSuite)
        let groups = try await registry.membership(
            of: tenant, suite: suite, grace: TimeInterval(rules.renewalGrace.components.seconds))
        let proofs = try await registry.keyProofs(of: tenant, suite: suite)
        return try call.answer(
            KeyAuthorityMembership(
                changes: changes, suite: Int(suite.rawValue),
                intermediates: installation.authority.trustedIntermediates.map { CertificatePEM.encode([$0]) },
                groups: groups.map { group in
                    KeyAuthorityMembership.Group(
                        id: group.groupID, manifest: group.latest?.manifest,
                        members: group.candidates.compactMap { Self.member($0, proofs[$0.id.description]) })
                }))
    }

    private static func member(
        _ candidate: EpochCandidate, _ proof: Registry.KeyProof?
    ) -> KeyAuthorityMembership.Member? {
        guard let proof else { return nil }
        return KeyAuthorityMembership.Member(
            id: candidate.id.description, role: candidate.role == .dispatcher ? "dispatcher" : "connector",
            certificate: proof.certificate.map { CertificatePEM.encode([$0]) }, identityKey: candidate.identityKey,
            hpkeKey: candidate.hpkeKey, signature: proof.signature,
            until: candidate.until == .never ? nil : candidate.until.date)
    }

    private func takeEpoch(_ call: Call, _ tenant: Tenant) async throws -> Response {
        guard call.request.headers[.contentType] == "application/octet-stream" else {
            throw Refusal(.unsupportedMediaType, "Send the manifest as application/octet-stream.")
        }
        let body = try await call.request.body(upTo: Self.longestManifest)
        guard let manifest = try? EpochManifest(decoding: Array(body.readableBytesView)) else {
            throw Refusal(.malformedRequest, "The body is no manifest.")
        }
        let core = manifest.core
        let key = try P256.Signing.PublicKey(pemRepresentation: tenant.keyAuthority)
        guard core.tenant.description == tenant.id, (try? manifest.verify(by: key)) != nil else {
            throw Refusal(.proofOfPossessionFailed, "The manifest is not signed by the tenant's Key Authority.")
        }
        guard abs(core.notBefore.date.timeIntervalSince(call.now)) <= Self.leeway else {
            throw Refusal(
                .malformedRequest,
                "The epoch begins at \(RFC3339.text(of: core.notBefore.date)), and it is \(RFC3339.text(of: call.now)):"
                    + " look at the clocks.")
        }
        let latest = try await scope(tenant).presentEpoch(ofGroup: core.group.description)
        let follows = latest.map { core.number > $0.number && core.previous.bytes == $0.coreHash }
        guard follows ?? (core.previous == .none),
            try await installation.registry.publish(manifest, after: latest, at: call.now)
        else {
            throw Refusal(.alreadyExists, "The group is gone, or has another epoch since; fetch the membership again.")
        }
        call.record?.concerns(
            "groups/\(core.group)",
            ["epoch": "\(core.number)", "members": "\(core.members.count)", "core": "\(core.hash)"])
        call.context.logger.info(
            "Epoch brought by the Key Authority",
            metadata: ["tenant": "\(tenant.slug)", "group": "\(core.group)", "epoch": "\(core.number)"])
        return call.answer()
    }
}
