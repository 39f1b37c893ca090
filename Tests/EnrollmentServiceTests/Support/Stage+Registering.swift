import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import Testing

@testable import EnrollmentService

/// A connector that has registered.
struct Machine: Sendable {
    let key: MachineKey
    let answer: EnrollAnswer
    let certificate: [UInt8]

    var id: String { answer.connectorID }
}

extension Stage {
    /// Makes a group of the name and an account that joins it, unless they are there.
    func makeAccount(_ name: String, group: String = "site", role: AccountRole? = nil, of access: TenantAccess)
        async throws
    {
        let admin = access.administrator
        _ = try await call(.post, APIPath.groups, bearer: admin, message: GroupRequest(name: group))
        _ = try await call(
            .post, APIPath.accounts, bearer: admin, message: AccountRequest(name: name, role: role, groups: [group]))
    }

    /// Makes an invitation for an account, which is made if it is not there.
    func invite(
        _ account: String = "gw", uses: Int? = nil, expiresIn: Int? = nil, approve: Bool? = nil,
        approveWithin: Int? = nil, of access: TenantAccess
    ) async throws -> EnrollmentAnswer {
        try await makeAccount(account, of: access)
        return try await call(
            .post, "/v1/accounts/\(account)/enrollments", bearer: access.administrator,
            message: InvitationRequest(
                expiresIn: expiresIn, uses: uses, approve: approve, approveWithin: approveWithin)
        ).message(status: 201)
    }

    /// Fetches a nonce with the secret of an invitation.
    func nonce(_ secret: String) async throws -> String {
        try await call(.post, APIPath.nonces, bearer: secret).message(NonceAnswer.self, status: 201).nonce
    }

    /// Asks for a certificate with a fresh nonce.
    func enroll(
        _ secret: String, key: MachineKey = MachineKey(), headers: HTTPFields = [:]
    ) async throws -> Answer {
        let request = try CertificateRequest.make(key: key, challenge: try await nonce(secret))
        return try await call(
            .post, APIPath.enrollments, bearer: secret, message: EnrollRequest(csr: request.pem), headers: headers)
    }

    /// Begins a registration that an administrator has to approve.
    func registerPending(
        _ account: String = "gw", of access: TenantAccess
    ) async throws -> (key: MachineKey, secret: String, answer: PendingAnswer) {
        let key = MachineKey()
        let secret = try #require(try await invite(account, approve: true, of: access).secret)
        return (key, secret, try await enroll(secret, key: key).message(status: 202))
    }

    /// Asks for something as the administrator, with an empty object.
    func order(_ path: String, of access: TenantAccess, body: String = "{}") async throws -> Answer {
        try await call(.post, path, bearer: access.administrator, body: body)
    }

    /// Registers a connector.
    func register(_ account: String = "gw", of access: TenantAccess) async throws -> Machine {
        let key = MachineKey()
        let secret = try #require(try await invite(account, of: access).secret)
        let answer = try await enroll(secret, key: key).message(EnrollAnswer.self, status: 201)
        return Machine(
            key: key, answer: answer, certificate: try #require(try CertificatePEM.decode(answer.certificate).first))
    }

    /// Fetches queue credentials.
    func queueCredentials(_ machine: Machine, boot: String) async throws -> QueueCredentialsAnswer {
        try await call(
            .post, APIPath.queueCredentials, certificate: machine.certificate,
            message: QueueCredentialsRequest(bootID: boot)
        ).message()
    }
}
