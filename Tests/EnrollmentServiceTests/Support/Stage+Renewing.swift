import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import Testing

@testable import EnrollmentService

extension Machine {
    /// The same connector with the next key and certificate.
    func renewed(key: MachineKey, _ answer: EnrollAnswer) throws -> Machine {
        Machine(
            key: key, answer: answer, certificate: try #require(try CertificatePEM.decode(answer.certificate).first))
    }
}

extension Stage {
    /// Asks for the certificate of a key, showing what the machine has.
    func askToRenew(
        _ machine: Machine, key: MachineKey, generation: Int? = nil, machineHash: String? = nil, bearer: String? = nil
    ) async throws -> Answer {
        let request = RenewRequest(
            csr: try CertificateRequest.make(key: key, challenge: "").pem,
            generation: generation ?? machine.answer.generation, machine: machineHash)
        return try await call(
            .post, APIPath.renewCertificate, bearer: bearer, certificate: bearer == nil ? machine.certificate : nil,
            message: request)
    }

    /// Renews with a new key.
    func renew(_ machine: Machine, bearer: String? = nil) async throws -> Machine {
        let key = MachineKey()
        return try machine.renewed(key: key, try await askToRenew(machine, key: key, bearer: bearer).message())
    }

    /// Sends a form to the token endpoint.
    func askForToken(_ form: [(String, String)], type: String? = AccessTokenForm.mediaType) async throws -> Answer {
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        let body = form.map { name, value in
            "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")"
        }.joined(separator: "&")
        return try await call(.post, APIPath.accessTokens, body: body, type: type)
    }

    /// Shows an assertion.
    func assert(_ assertion: String) async throws -> Answer {
        try await askForToken([
            ("grant_type", AccessTokenForm.grantType), ("client_assertion_type", AccessTokenForm.assertionType),
            ("client_assertion", assertion),
        ])
    }

    /// Gets an access token as a connector does.
    func accessToken(of machine: Machine) async throws -> AccessTokenAnswer {
        try await assert(try Assertion(of: machine, at: now).text(signedBy: machine.key)).message()
    }

    /// How the tenant answers the certificate of a machine; nil where it is accepted.
    func verdict(on machine: Machine) async throws -> EnrollmentProblem? {
        try await call(.get, APIPath.ownState, certificate: machine.certificate).problem
    }

    /// The connector as its administrator sees it.
    func connector(_ machine: Machine) async throws -> ConnectorAnswer {
        try await call(.get, "/v1/connectors/\(machine.id)", bearer: acme.administrator).message()
    }
}
