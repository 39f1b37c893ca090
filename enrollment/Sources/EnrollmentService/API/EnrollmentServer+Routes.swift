internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import MachineIdentity
internal import NIOCore
internal import TenantPort

extension EnrollmentServer {
    /// All routes; `openapi.yaml` describes the same ones.
    func routes() -> RouteList {
        var list = RouteList()
        list.add(.get, APIPath.description) { _ in Self.description() }
        list.add(.get, APIPath.authority) { try self.authority($0) }
        list.add(.get, APIPath.revocationList) { try await self.revocationList($0) }
        list.add(.post, APIPath.nonces) { try await self.createNonce($0) }
        list.add(.post, APIPath.enrollments) { try await self.enroll($0) }
        list.add(.get, APIPath.enrollment) { try await self.showEnrollment($0) }

        member(.get, APIPath.ownState, in: &list) { call, member, notAfter in
            var answer = self.ownState(of: member, notAfter, at: call.now)
            answer.auditHead = try await self.keptHead(of: member)
            return try call.answer(answer)
        }
        member(.post, APIPath.heartbeat, in: &list) { call, member, _ in try await self.heartbeat(call, member) }
        member(.post, APIPath.queueCredentials, in: &list) { call, member, _ in
            try await self.queueCredentials(call, member)
        }
        addSealing(to: &list)
        addRemoteAuthority(to: &list)
        list.add(.post, APIPath.renewCertificate) { try await self.renewCertificate($0) }
        list.add(.post, APIPath.accessTokens) { try await self.createAccessToken($0) }
        member(.post, APIPath.revokeCertificate, in: &list) { call, member, _ in
            try await self.revoke(
                member.id, of: member.tenant, reason: try await call.body(ReasonRequest.self).reason, call)
            return call.answer()
        }
        list.add(.get, APIPath.keySet) { try await self.keySet($0) }
        addEST(to: &list)
        addAdministration(to: &list)
        return list
    }

    private func addAdministration(to list: inout RouteList) {
        administrator(.get, APIPath.whoAmI, in: &list) { call, administrator, _ in
            try call.answer(
                WhoAmIAnswer(
                    kind: administrator.kind.rawValue, id: administrator.id, name: administrator.name,
                    tenant: administrator.tenant.reference, role: administrator.role))
        }
        addAdministrators(to: &list)
        addAccounts(to: &list)
        addConnectors(to: &list)
        addGroups(to: &list)
        addAPIKeys(to: &list)
        addWebhooks(to: &list)
        addAudit(to: &list)
    }

    /// A route for registered members alone.
    func member(
        _ method: HTTPRequest.Method, _ path: String, in list: inout RouteList,
        _ handler: @escaping @Sendable (Call, MemberRecord, Date) async throws -> Response
    ) {
        list.add(method, path) { call in
            let member = try await self.authenticator.member(call.request, call.context, at: call.now)
            return try await Self.naming(member.tenant) {
                try await call.enter(as: .init(member), of: member.tenant)
                return try await handler(call, member, member.notAfter)
            }
        }
    }

    /// A route for administrators alone, in the tenant of their credential.
    func administrator(
        _ method: HTTPRequest.Method, _ path: String, in list: inout RouteList,
        _ handler: @escaping @Sendable (Call, AdministratorPrincipal, TenantScope) async throws -> Response
    ) {
        list.add(method, path) { call in
            let administrator = try await self.authenticator.administrator(call.request, at: call.now)
            return try await Self.naming(administrator.tenant) {
                try await call.enter(as: .init(administrator), of: administrator.tenant)
                guard method == .get || administrator.role == .administrator else {
                    throw Refusal(.notPermitted, "An auditor looks at everything and changes nothing.")
                }
                return try await handler(call, administrator, self.scope(administrator.tenant))
            }
        }
    }

    /// Puts the tenant into whatever refusal leaves the body.
    static func naming<Value>(_ tenant: Tenant, _ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch var refusal as Refusal {
            refusal.tenant = tenant
            throw refusal
        }
    }

    private static func description() -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/yaml"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_yaml)))
    }
}
