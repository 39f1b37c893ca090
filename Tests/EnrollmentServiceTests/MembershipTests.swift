import CertificateAuthority
import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import Testing

@testable import EnrollmentService

@Suite struct MembershipTests {
    private static let boot = String(repeating: "a", count: 26)
    private static let calls: [(HTTPRequest.Method, String, String?)] = [
        (.get, APIPath.ownState, nil), (.post, APIPath.heartbeat, "{}"),
        (.post, APIPath.queueCredentials, #"{"boot_id":"\#(boot)"}"#), (.post, APIPath.revokeCertificate, "{}"),
    ]

    private func problems(_ stage: Stage, certificate: [UInt8]?, bearer: String? = nil) async throws -> Set<
        EnrollmentProblem?
    > {
        var problems: Set<EnrollmentProblem?> = []
        for (method, path, body) in Self.calls {
            problems.insert(
                try await stage.call(method, path, bearer: bearer, certificate: certificate, body: body).problem)
        }
        return problems
    }

    @Test func aConnectorSeesItself() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let own = try await stage.call(.get, APIPath.ownState, certificate: machine.certificate).message(
            SelfAnswer.self)
        #expect(own.connectorID == machine.id)
        #expect(own.tenant.slug == "acme")
        #expect(own.groups.map(\.name) == ["site"])
        #expect(own.notAfter == machine.answer.notAfter)
        #expect(own.serverTime == stage.now)
    }

    @Test func aHeartbeatIsNoted() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        stage.advance(by: 5)
        let beat = try await stage.call(
            .post, APIPath.heartbeat, certificate: machine.certificate, message: HeartbeatRequest(version: "1.2")
        ).message(HeartbeatAnswer.self)
        #expect(beat.serverTime == stage.now)
        let seen = try await stage.call(.get, "/v1/connectors/\(machine.id)", bearer: stage.acme.administrator)
            .message(ConnectorAnswer.self)
        #expect(seen.lastSeenAt == stage.now)
        #expect(seen.version == "1.2")
    }

    @Test func bootsAreNumberedOnceEach() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let second = String(repeating: "b", count: 25) + "a"
        #expect(try await stage.queueCredentials(machine, boot: Self.boot).bootNumber == 1)
        #expect(try await stage.queueCredentials(machine, boot: Self.boot).bootNumber == 1)
        #expect(try await stage.queueCredentials(machine, boot: second).bootNumber == 2)
        #expect(try await stage.queueCredentials(machine, boot: second).bootNumber == 2)
        for boot in ["", "x", String(repeating: "1", count: 26), String(repeating: "a", count: 25) + "b"] {
            let answer = try await stage.call(
                .post, APIPath.queueCredentials, certificate: machine.certificate,
                message: QueueCredentialsRequest(bootID: boot))
            #expect(answer.problem == .malformedRequest)
        }
    }

    @Test func withoutACertificateNothingIsSaid() async throws {
        let stage = try await Stage()
        #expect(try await problems(stage, certificate: nil) == [.certificateRequired])
        #expect(
            try await problems(stage, certificate: nil, bearer: stage.acme.administrator) == [.certificateRequired])
        #expect(try await problems(stage, certificate: [1, 2, 3]) == [.invalidCredentials])
    }

    @Test func aRevokedCertificateIsRefusedFromTheNextRequestOn() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        #expect(try await stage.call(.get, APIPath.ownState, certificate: machine.certificate).status == 200)
        let reason = ReasonRequest(reason: "stolen")
        let path = "/v1/connectors/\(machine.id)/revoke"
        #expect(try await stage.call(.post, path, bearer: stage.acme.administrator, message: reason).status == 204)
        #expect(try await problems(stage, certificate: machine.certificate) == [.certificateRevoked])
        let seen = try await stage.call(.get, "/v1/connectors/\(machine.id)", bearer: stage.acme.administrator)
            .message(ConnectorAnswer.self)
        #expect(seen.state == .revoked)
        #expect(seen.revocationReason == "stolen")
        #expect(try await stage.call(.post, path, bearer: stage.acme.administrator).status == 204)
    }

    @Test func anExpiredCertificateIsRefusedAlsoWhenItWasSeenBefore() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        #expect(try await stage.call(.get, APIPath.ownState, certificate: machine.certificate).status == 200)
        stage.advance(by: 86401)
        #expect(try await problems(stage, certificate: machine.certificate) == [.certificateExpired])
    }

    @Test func aCertificateOfAnotherInstallationIsRefused() async throws {
        let stage = try await Stage()
        let foreign = try await Stage()
        let machine = try await foreign.register(of: foreign.acme)
        #expect(try await problems(stage, certificate: machine.certificate) == [.invalidCredentials])
    }

    @Test func aCertificateThatTheRegistryDoesNotKnowIsRefused() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        for id in [machine.id, String(repeating: "c", count: 26)] {
            let issued = try stage.installation.authority.issueMachineCertificate(
                publicKey: MachineKey().publicKey,
                name: MachineName(trustDomain: "postern.test", tenant: "acme", account: "gw", connector: id),
                now: stage.now, serial: .random())
            #expect(try await problems(stage, certificate: issued.der) == [.invalidCredentials])
        }
    }

    @Test func aConnectorCanGiveItselfUp() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let bystander = try await stage.register(of: stage.acme)
        #expect(try await stage.call(.post, APIPath.revokeCertificate, certificate: machine.certificate).status == 204)
        #expect(try await problems(stage, certificate: machine.certificate) == [.certificateRevoked])
        #expect(try await stage.call(.get, APIPath.ownState, certificate: bystander.certificate).status == 200)
    }
}
