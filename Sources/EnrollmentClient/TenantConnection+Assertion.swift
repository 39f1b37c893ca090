internal import EnrollmentProtocol
internal import Foundation
internal import HTTPProblems
internal import IdentityStore
internal import MachineIdentity

/// The way back of a machine whose certificate has ended: an assertion of its key for a token that renews (RFC 7523).
extension TenantConnection {
    /// Asks for a certificate with a token instead of a certificate.
    func renewByAssertion(
        _ request: CertificateRequest, of identity: LoadedIdentity, machine: String?, localTime: Date
    ) async throws(EnrollmentClientError) -> EnrollAnswer {
        let token = try await anonymous().use { http async throws(EnrollmentClientError) in
            // The assertion's times are the tenant's: a clock that is off by hours is no reason to stay outside.
            let tenantTime = try await http.exchange("GET", APIPath.authority).date ?? localTime
            return try await Self.token(over: http, identity: identity, at: tenantTime)
        }
        return try await anonymous(bearer: token).use { http async throws(EnrollmentClientError) in
            try await EnrollmentCalls.registered(over: http).renew(
                request, generation: identity.record.generation, machine: machine)
        }
    }

    private static func token(
        over http: TenantHTTPClient, identity: LoadedIdentity, at now: Date
    ) async throws(EnrollmentClientError) -> Secret {
        var generator = SystemRandomNumberGenerator()
        let nonce = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let assertion: Secret
        do {
            assertion = try await ClientAssertion.make(
                key: identity.key, connector: identity.record.connectorID, tenantURL: identity.record.tenantURL,
                trustDomain: identity.record.trustDomain, now: now, nonce: nonce)
        } catch {
            throw EnrollmentClientError(signing: error)
        }
        let form = [
            "grant_type=" + AccessTokenForm.grantType,
            "client_assertion_type=" + AccessTokenForm.assertionType.replacingOccurrences(of: ":", with: "%3A"),
            "client_assertion=" + assertion.reveal(),
        ].joined(separator: "&")
        let response = try await http.exchange(
            "POST", APIPath.accessTokens,
            headers: [
                ("content-type", AccessTokenForm.mediaType), ("accept", "application/json"),
            ], body: Array(form.utf8))
        guard response.status == 200 else { throw refusal(response, by: http.endpoint) }
        guard let token = try? EnrollmentJSON.decode(AccessTokenAnswer.self, from: Data(response.body)) else {
            throw EnrollmentClientError(
                .unexpectedAnswer, "\(http.endpoint) answered the request for a token, but not as the API promises.",
                advice: "Look whether both versions fit.")
        }
        return Secret(token.accessToken)
    }

    private static func refusal(_ response: TenantResponse, by endpoint: TenantEndpoint) -> EnrollmentClientError {
        guard response.status < 500, response.status != 429,
            let problem = try? EnrollmentJSON.decode(AccessTokenProblem.self, from: Data(response.body))
        else {
            return EnrollmentClientError(
                response.status == 429 || response.status >= 500 ? .unavailable : .refused,
                response.problem?.detail ?? "\(endpoint) answered \(response.status).", advice: "",
                problem: response.problem)
        }
        return EnrollmentClientError(
            .refused, "\(endpoint) gives out no token: \(problem.description)",
            advice: "Ask the administrator whether this connector is still wanted, and look at this machine's clock.",
            problem: response.problem)
    }
}
