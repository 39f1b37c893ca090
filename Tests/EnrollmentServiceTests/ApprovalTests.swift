import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import Testing

@testable import EnrollmentService

/// Registrations that an administrator has to approve.
@Suite struct ApprovalTests {
    private func pending(_ stage: Stage) async throws -> [PendingConnectorAnswer] {
        try await stage.call(.get, APIPath.pendingConnectors, bearer: stage.acme.administrator)
            .message(Page<PendingConnectorAnswer>.self).items
    }

    private func enrollment(_ id: String, _ stage: Stage) async throws -> EnrollmentAnswer {
        try await stage.call(.get, "/v1/enrollments/\(id)", bearer: stage.acme.administrator).message()
    }

    @Test func aRegistrationWaitsUntilItIsApprovedAndThenGetsItsCertificate() async throws {
        let stage = try await Stage()
        let invitation = try await stage.invite(approve: true, of: stage.acme)
        #expect(invitation.approveWithin == 86_400)
        let secret = try #require(invitation.secret)
        let key = MachineKey()
        let first = try await stage.enroll(secret, key: key)
        let waiting: PendingAnswer = try first.message(status: 202)
        #expect(first.headers[.retryAfter] == "5")
        #expect(first.headers[.location] == "/v1/enrollments/\(invitation.id)")
        #expect(waiting.keyWords == key.fingerprint.words)
        #expect(waiting.expiresAt == stage.now.addingTimeInterval(86_400))
        let listed = try await pending(stage)
        #expect(listed.map(\.id) == [waiting.id] && listed.map(\.keyWords) == [waiting.keyWords])
        #expect(try await enrollment(invitation.id, stage).state == .consumed, "its place is taken")
        // Asking again changes nothing, and another key comes too late.
        #expect(try await stage.enroll(secret, key: key).message(PendingAnswer.self, status: 202) == waiting)
        #expect(try await stage.enroll(secret, key: MachineKey()).problem == .enrollmentConsumed)
        #expect(try await pending(stage).count == 1)
        let path = "/v1/connectors/\(waiting.id)"
        #expect(try await stage.call(.get, path, bearer: stage.acme.administrator).problem == .notFound)
        for _ in 0..<2 { #expect(try await stage.order(path + "/approve", of: stage.acme).status == 204) }
        #expect(try await pending(stage).isEmpty)
        let answer: EnrollAnswer = try await stage.enroll(secret, key: key).message(status: 201)
        #expect(answer.connectorID == waiting.id)
        #expect(try await stage.enroll(secret, key: key).message(EnrollAnswer.self, status: 201) == answer)
        let certificate = try #require(try CertificatePEM.decode(answer.certificate).first)
        #expect(try await stage.call(.get, APIPath.ownState, certificate: certificate).status == 200)
        #expect(try await enrollment(invitation.id, stage).connectors == [waiting.id])
        #expect(try await stage.order(path + "/approve", of: stage.acme).problem == .notFound)
    }

    @Test func manyThatAskAtOnceWithOneApprovedKeyAreOneConnector() async throws {
        let stage = try await Stage()
        let (key, secret, waiting) = try await stage.registerPending(of: stage.acme)
        #expect(try await stage.order("/v1/connectors/\(waiting.id)/approve", of: stage.acme).status == 204)
        let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
            for _ in 0..<8 { group.addTask { try await stage.enroll(secret, key: key) } }
            return try await group.reduce(into: [Answer]()) { $0.append($1) }
        }
        let certified = try answers.filter { $0.status == 201 }.map { try $0.message(EnrollAnswer.self, status: 201) }
        #expect(!certified.isEmpty && Set(certified.map(\.certificate)).count == 1)
        #expect(answers.allSatisfy { $0.status == 201 }, "\(answers.map(\.text))")
    }

    @Test func aRejectedRegistrationIsToldWhyAndNeedsANewInvitation() async throws {
        let stage = try await Stage()
        let (key, secret, waiting) = try await stage.registerPending(of: stage.acme)
        let path = "/v1/connectors/\(waiting.id)"
        let body = #"{"reason":"nobody knows these words"}"#
        #expect(try await stage.order(path + "/reject", of: stage.acme, body: body).status == 204)
        let refused = try await stage.enroll(secret, key: key)
        #expect(refused.problem == .registrationRejected && refused.status == 403)
        #expect(refused.text.contains("nobody knows these words"))
        #expect(try await stage.order(path + "/approve", of: stage.acme).problem == .notFound)
        // The same key may come with a new invitation.
        let again = try #require(try await stage.invite(of: stage.acme).secret)
        #expect(try await stage.enroll(again, key: key).status == 201)
    }

    @Test func anApprovedOneCanStillBeRejectedBeforeItComes() async throws {
        let stage = try await Stage()
        let (key, secret, waiting) = try await stage.registerPending(of: stage.acme)
        let path = "/v1/connectors/\(waiting.id)"
        #expect(try await stage.order(path + "/approve", of: stage.acme).status == 204)
        #expect(try await stage.order(path + "/reject", of: stage.acme).status == 204)
        #expect(try await stage.enroll(secret, key: key).problem == .registrationRejected)
    }

    @Test func whatNobodyApprovesInTimeExpires() async throws {
        let stage = try await Stage()
        let secret = try #require(
            try await stage.invite(uses: 2, approve: true, approveWithin: 7200, of: stage.acme).secret)
        let (slow, lost) = (MachineKey(), MachineKey())
        let waiting: PendingAnswer = try await stage.enroll(secret, key: slow).message(status: 202)
        // The invitation itself ends after an hour; who waits goes on waiting.
        stage.advance(by: 7000)
        #expect(try await stage.enroll(secret, key: slow).status == 202)
        #expect(try await stage.enroll(secret, key: lost).problem == .enrollmentExpired)
        stage.advance(by: 200)
        let refused = try await stage.enroll(secret, key: slow)
        #expect(refused.problem == .enrollmentExpired && refused.status == 410, "\(refused.text)")
        #expect(refused.text.contains("Nobody approved"))
        #expect(try await pending(stage).isEmpty)
        #expect(
            try await stage.order("/v1/connectors/\(waiting.id)/approve", of: stage.acme).problem == .enrollmentExpired)
    }

    @Test func withdrawingTheInvitationRejectsWhatWaits() async throws {
        let stage = try await Stage()
        let invitation = try await stage.invite(approve: true, of: stage.acme)
        let secret = try #require(invitation.secret)
        let key = MachineKey()
        let request = try CertificateRequest.make(key: key, challenge: try await stage.nonce(secret))
        func ask() async throws -> Answer {
            try await stage.call(.post, APIPath.enrollments, bearer: secret, message: EnrollRequest(csr: request.pem))
        }
        #expect(try await ask().status == 202)
        let withdrawn = try await stage.call(
            .delete, "/v1/enrollments/\(invitation.id)", bearer: stage.acme.administrator)
        #expect(withdrawn.status == 204)
        let refused = try await ask()
        #expect(refused.problem == .registrationRejected && refused.text.contains("withdrawn"), "\(refused.text)")
        #expect(try await pending(stage).isEmpty)
    }

    @Test func atMostTwoHundredWait() async throws {
        let stage = try await Stage()
        for _ in 0..<2 {
            let secret = try #require(try await stage.invite(uses: 100, approve: true, of: stage.acme).secret)
            for _ in 0..<100 { #expect(try await stage.enroll(secret).status == 202) }
        }
        let invitation = try await stage.invite(approve: true, of: stage.acme)
        #expect(try await stage.enroll(try #require(invitation.secret)).problem == .limitReached)
        #expect(try await enrollment(invitation.id, stage).used == 0, "it may come again")
        // Another tenant has room of its own.
        _ = try await stage.registerPending(of: stage.other)
    }

    @Test func theTimesOfAnInvitationAreBounded() async throws {
        let stage = try await Stage()
        try await stage.makeAccount("gw", of: stage.acme)
        for body in [
            #"{"approve":true,"approve_within":0}"#, #"{"approve":true,"approve_within":604801}"#,
        ] {
            let answer = try await stage.order("/v1/accounts/gw/enrollments", of: stage.acme, body: body)
            #expect(answer.problem == .malformedRequest, "\(body)")
        }
    }
}
