internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import MachineIdentity
internal import NIOCore
internal import TenantPort

/// Access tokens for connectors whose certificate cannot be shown: behind a proxy that ends TLS, or after its end.
extension EnrollmentServer {
    func createAccessToken(_ call: Call) async throws -> Response {
        do {
            return try Self.unkept(try await grantAccess(call), status: .ok)
        } catch let refusal as AccessTokenRefusal {
            var metadata: Logger.Metadata = [
                "problem": "\(refusal.problem.error.rawValue)", "detail": "\(refusal.reason)",
                "client": "\(call.context.clientAddress)",
            ]
            if let tenant = refusal.tenant { metadata["tenant"] = "\(tenant.slug)" }
            call.context.logger.notice("Access token refused", metadata: metadata)
            var response = try Self.unkept(refusal.problem, status: refusal.status)
            if refusal.status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
            return response
        }
    }

    private func grantAccess(_ call: Call) async throws -> AccessTokenAnswer {
        let media = (call.request.headers[.contentType] ?? "").prefix { $0 != ";" }
        guard media.trimmingCharacters(in: .whitespaces).lowercased() == AccessTokenForm.mediaType else {
            throw AccessTokenRefusal(.invalidRequest, "Send the form as \(AccessTokenForm.mediaType).")
        }
        let bytes = try await call.request.body(upTo: Call.largestBody)
        guard let form = String(validating: bytes.readableBytesView, as: UTF8.self) else {
            throw AccessTokenRefusal(.invalidRequest, "The form is no UTF-8.")
        }
        let request = try AccessTokenRequest(form: form)
        let url = installation.settings.publicURL
        // A connector that reaches this port under another name knows its trust domain all the same.
        let assertion = try PresentedAssertion(
            request.assertion,
            audiences: [url + APIPath.accessTokens, url, "spiffe://" + installation.settings.trustDomain], at: call.now)
        guard request.clientID == nil || request.clientID == assertion.connectorID else {
            throw AccessTokenRefusal(.invalidRequest, "“client_id” is not the “sub” of the client assertion.")
        }
        try call.claims(account: assertion.connectorID)
        let member = try await signer(of: assertion)
        let scope = try scope(of: member, at: call.now)
        try await use(assertion, of: member, at: call.now)
        let longest = call.now.addingTimeInterval(TimeInterval(AccessTokens.life))
        let end = scope == .member ? min(longest, member.notAfter) : longest
        let token = try await installation.accessTokens.mint(
            AccessTokens.Grant(
                connectorID: member.id, tenantID: member.tenant.id, key: member.keyFingerprint, scope: scope,
                expiresAt: end), now: call.now)
        call.context.logger.info(
            "Access token given out",
            metadata: [
                "tenant": "\(member.tenant.slug)", "connector": "\(member.id)", "scope": "\(scope.rawValue)",
                "generation": "\(member.generation)", "client": "\(call.context.clientAddress)",
            ])
        return AccessTokenAnswer(
            accessToken: token, expiresIn: Int(end.timeIntervalSince(call.now)), scope: scope)
    }

    /// The member whose key signed, if it may come in.
    private func signer(of assertion: PresentedAssertion) async throws -> MemberRecord {
        guard let member = try await installation.registry.member(id: assertion.connectorID, key: assertion.key) else {
            // An unknown key shall last as long as a known one.
            _ = assertion.isSigned(by: decoyKey)
            throw AccessTokenRefusal.unaccepted("The connector \(assertion.connectorID) has no such key.")
        }
        guard assertion.isSigned(by: member.publicKey) else {
            throw AccessTokenRefusal.unaccepted("The signature is not by the key of \(member.id).")
        }
        do { try authenticator.requireStanding(member) } catch let refusal as Refusal {
            throw AccessTokenRefusal.unaccepted(refusal.detail, tenant: member.tenant)
        }
        return member
    }

    private func scope(of member: MemberRecord, at now: Date) throws -> AccessScope {
        // A superseded key renews and does nothing else, so that the renewal finds out whether it was copied.
        guard now > member.notAfter else { return member.isSuperseded ? .renew : .member }
        let end = member.notAfter.addingTimeInterval(installation.settings.recovery)
        guard now <= end else {
            throw AccessTokenRefusal(
                .invalidClient,
                "The certificate expired at \(RFC3339.text(of: member.notAfter)) and could be renewed until"
                    + " \(RFC3339.text(of: end)): register again with a new invitation.", tenant: member.tenant)
        }
        return .renew
    }

    private func use(_ assertion: PresentedAssertion, of member: MemberRecord, at now: Date) async throws {
        switch try await scope(member.tenant).useAssertion(assertion, of: member, at: now) {
        case .first: return
        case .repeated:
            throw AccessTokenRefusal(
                .invalidClient, "The client assertion was used before; sign a new one with another “jti”.",
                tenant: member.tenant)
        case .tooMany:
            throw Refusal(
                .rateLimited, "The connector \(member.id) has used too many client assertions; wait a moment.",
                tenant: member.tenant)
        }
    }

    private static func unkept(_ message: some Encodable, status: HTTPResponse.Status) throws -> Response {
        Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: try EnrollmentJSON.encode(message))))
    }
}
