internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import MachineIdentity
internal import TenantPort

/// Finds out who sends a request: from its credential alone, whatever path or body say.
struct Authenticator: Sendable {
    let registry: Registry
    let leaves: LeafCache
    let rights: RoleRights
    let accessTokens: AccessTokens
    /// For how long after its certificate's end a connector may still renew.
    let recovery: TimeInterval
    let clientCertificate: @Sendable (Request, PortContext) async -> [UInt8]?

    /// An administrator, or an API key with the scope `admin`.
    func administrator(_ request: Request, at now: Date) async throws -> AdministratorPrincipal {
        guard let principal = try await registry.administrator(try secret(request), at: now) else {
            throw Refusal.invalidCredentials
        }
        guard principal.mayAdminister else {
            throw Refusal(
                .notPermitted, "This needs the credential of an administrator, or an API key with the scope “admin”.",
                tenant: principal.tenant)
        }
        return principal
    }

    /// An invitation whose account may register; it may be used up or over.
    func invitation(_ request: Request, at now: Date) async throws -> EnrollmentGrant {
        let secret = try secret(request)
        guard secret.kind == .enrollment else {
            guard let other = try await registry.administrator(secret, at: now) else {
                throw Refusal.invalidCredentials
            }
            throw Refusal(
                .notPermitted, "Only the secret of an invitation registers a connector, not a person's or a program's.",
                tenant: other.tenant)
        }
        guard let grant = try await registry.grant(secret) else { throw Refusal.invalidCredentials }
        guard rights.mayRegister(grant.role) else {
            throw Refusal(
                .notPermitted, "Accounts of the role “\(grant.role.rawValue)” do not register.", tenant: grant.tenant)
        }
        return grant
    }

    /// Whether the request came with the secret of an invitation.
    func showsInvitation(_ request: Request) -> Bool { (try? secret(request))?.kind == .enrollment }

    private func secret(_ request: Request) throws -> SecretToken {
        let parts = (request.headers[.authorization] ?? "").split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer", let secret = try? SecretToken(parts[1]) else {
            throw Refusal.invalidCredentials
        }
        return secret
    }
}
