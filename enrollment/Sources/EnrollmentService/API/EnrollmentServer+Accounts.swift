internal import EnrollmentProtocol
internal import Foundation
internal import Hummingbird
internal import Logging
internal import TenantPort

/// Administration of accounts and their invitations.
extension EnrollmentServer {
    func addAccounts(to list: inout RouteList) {
        administrator(.get, APIPath.accounts, in: &list) { call, _, scope in
            try call.answer(try await scope.accounts(try call.range()))
        }
        administrator(.post, APIPath.accounts, in: &list) { call, administrator, scope in
            let account = try await scope.createAccount(try await call.body(), at: call.now)
            Self.note("Account made", account.name, administrator, call)
            return try call.answer(account, status: .created, location: "\(APIPath.accounts)/\(account.name)")
        }
        administrator(.get, APIPath.account, in: &list) { call, _, scope in
            try call.answer(try await scope.account(named: try call.parameter("account")))
        }
        administrator(.delete, APIPath.account, in: &list) { call, administrator, scope in
            let name = try call.parameter("account")
            try await scope.deleteAccount(named: name)
            Self.note("Account deleted", name, administrator, call)
            return call.answer()
        }
        administrator(.post, APIPath.accountEnrollments, in: &list) { call, administrator, scope in
            try await self.invite(call, administrator, scope)
        }
        administrator(.get, APIPath.enrollments, in: &list) { call, _, scope in
            try call.answer(try await scope.enrollments(try call.range(), at: call.now))
        }
        administrator(.delete, APIPath.enrollment, in: &list) { call, administrator, scope in
            let id = try call.parameter("id")
            try await scope.revokeEnrollment(id, at: call.now)
            Self.note("Invitation withdrawn", id, administrator, call)
            return call.answer()
        }
    }

    private func invite(
        _ call: Call, _ administrator: AdministratorPrincipal, _ scope: TenantScope
    ) async throws -> Response {
        let account = try call.parameter("account")
        var (answer, secret) = try await scope.createEnrollment(
            forAccount: account, try await call.body(), at: call.now)
        let invitation = Invitation(
            url: installation.settings.publicURL, account: account, secret: secret, serverIssuer: pins.serverIssuer,
            authority: pins.authority, keyAuthority: try scope.tenant.keyAuthorityPin())
        answer.invitation = invitation.text
        answer.secret = secret.text
        Self.note("Invitation made", answer.id, administrator, call)
        return try call.answer(answer, status: .created, location: "\(APIPath.enrollments)/\(answer.id)")
    }

    /// Says in the log who changed what.
    static func note(_ message: Logger.Message, _ what: String, _ administrator: AdministratorPrincipal, _ call: Call) {
        call.context.logger.notice(
            message,
            metadata: [
                "tenant": "\(administrator.tenant.slug)", "name": "\(what)",
                "by": "\(administrator.kind.rawValue):\(administrator.id)",
            ])
    }
}
