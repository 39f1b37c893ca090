import Crypto
import EnrollmentProtocol
import Foundation
import GRDB
import HTTPTypes
import MachineIdentity
import Synchronization
import Testing

@testable import EnrollmentService

/// Freezing, the numbers of process starts, and what is denied for how long.
@Suite struct StandingTests {
    private static let first = String(repeating: "a", count: 26)
    private static let second = String(repeating: "b", count: 25) + "a"

    private func connector(_ id: String, _ stage: Stage) async throws -> ConnectorAnswer {
        try await stage.call(.get, "/v1/connectors/\(id)", bearer: stage.acme.administrator).message()
    }

    private func verify(_ stage: Stage, _ machine: Machine, _ token: String) async throws
        -> EnrollmentServiceError.Code?
    {
        let nonce: [UInt8] = Array(1...32)
        let proof = try machine.key.signing.signature(for: LinkProof.bytes(nonce: nonce, token: token))
        do throws(EnrollmentServiceError) {
            _ = try await stage.service.verify(token: token, proof: Array(proof.rawRepresentation), nonce: nonce)
            return nil
        } catch { return error.code }
    }

    @Test func aFrozenConnectorIsRefusedEverywhereUntilItIsLetInAgain() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let token = try await stage.queueCredentials(machine, boot: Self.first).token
        let told = Mutex<[String]>([])
        stage.service.onStandingChanged { _, connector, standing in
            told.withLock { $0.append("\(connector == machine.id) \(standing)") }
        }
        let path = "/v1/connectors/\(machine.id)"
        for _ in 0..<2 {
            let frozen = try await stage.order(path + "/freeze", of: stage.acme, body: #"{"reason":"odd traffic"}"#)
            #expect(frozen.status == 204)
        }
        let seen = try await connector(machine.id, stage)
        #expect(seen.state == .frozen && seen.freezeReason == "odd traffic" && seen.frozenAt == stage.now)
        for (method, called, body) in [
            (HTTPRequest.Method.get, APIPath.ownState, nil), (.post, APIPath.heartbeat, "{}"),
            (.post, APIPath.queueCredentials, #"{"boot_id":"\(Self.first)"}"#),
            (.post, APIPath.revokeCertificate, "{}"),
        ] {
            let answer = try await stage.call(method, called, certificate: machine.certificate, body: body)
            #expect(answer.problem == .connectorFrozen && answer.status == 403, "\(called)")
        }
        #expect(try await verify(stage, machine, token) == .frozenMember)
        for _ in 0..<2 { #expect(try await stage.order(path + "/unfreeze", of: stage.acme).status == 204) }
        #expect(try await verify(stage, machine, token) == nil)
        #expect(try await stage.call(.get, APIPath.ownState, certificate: machine.certificate).status == 200)
        let again = try await connector(machine.id, stage)
        #expect(again.state == .active && again.frozenAt == nil && again.freezeReason == nil)
        #expect(told.withLock { $0 } == ["true frozen", "true active"])
    }

    @Test func whatIsRevokedIsNeitherFrozenNorLetInAgain() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let path = "/v1/connectors/\(machine.id)"
        #expect(try await stage.order(path + "/freeze", of: stage.acme).status == 204)
        #expect(try await stage.order(path + "/revoke", of: stage.acme).status == 204)
        #expect(try await stage.order(path + "/unfreeze", of: stage.acme).problem == .connectorRevoked)
        #expect(try await stage.order(path + "/freeze", of: stage.acme).problem == .connectorRevoked)
        let nobody = "/v1/connectors/\(Self.first)"
        #expect(try await stage.order(nobody + "/freeze", of: stage.acme).problem == .notFound)
        #expect(try await stage.order(nobody + "/unfreeze", of: stage.acme).problem == .notFound)
        let long = #"{"reason":"\#(String(repeating: "x", count: 256))"}"#
        #expect(try await stage.order(path + "/freeze", of: stage.acme, body: long).problem == .malformedRequest)
    }

    @Test func anOlderProcessOfTheIdentityGetsNoCredentialAndNoLink() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let old = try await stage.queueCredentials(machine, boot: Self.first)
        let new = try await stage.queueCredentials(machine, boot: Self.second)
        #expect((old.bootNumber, new.bootNumber) == (1, 2))
        let refused = try await stage.call(
            .post, APIPath.queueCredentials, certificate: machine.certificate,
            message: QueueCredentialsRequest(bootID: Self.first))
        #expect(refused.problem == .bootReplaced && refused.status == 409, "\(refused.text)")
        #expect(try await verify(stage, machine, old.token) == .replacedBoot)
        #expect(try await verify(stage, machine, new.token) == nil)
    }

    @Test func whoOnlyLooksTakesNoPlace() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let service = try await stage.queueCredentials(machine, boot: Self.first)
        let observer: QueueCredentialsAnswer = try await stage.call(
            .post, APIPath.queueCredentials, certificate: machine.certificate,
            message: QueueCredentialsRequest(bootID: Self.second, observer: true)
        ).message()
        #expect(observer.bootNumber == 0)
        #expect(try await stage.queueCredentials(machine, boot: Self.first).bootNumber == 1)
        #expect(try await verify(stage, machine, service.token) == nil)
        #expect(try await verify(stage, machine, observer.token) == nil)
        #expect(try await connector(machine.id, stage).boots == 1)
    }

    @Test func whatIsDeniedIsForgottenWithItsCertificate() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        func denied() async throws -> [String] {
            try await stage.installation.registry.database.read {
                try String.fetchAll($0, sql: "SELECT kind FROM denylist ORDER BY kind")
            }
        }
        #expect(try await stage.order("/v1/connectors/\(machine.id)/revoke", of: stage.acme).status == 204)
        #expect(try await denied() == ["key", "serial"])
        #expect(try await stage.installation.registry.revocations(at: stage.now).count == 1)
        stage.advance(by: 86_401)
        #expect(try await stage.installation.registry.revocations(at: stage.now).isEmpty)
        // The next revocation cleans up; the key stays as long as a recovery by it could be tried.
        let second = try await stage.register(of: stage.acme)
        #expect(try await stage.order("/v1/connectors/\(second.id)/revoke", of: stage.acme).status == 204)
        #expect(try await denied() == ["key", "key", "serial"])
        stage.advance(by: 32 * 86_400)
        let third = try await stage.register(of: stage.acme)
        #expect(try await stage.order("/v1/connectors/\(third.id)/revoke", of: stage.acme).status == 204)
        #expect(try await denied() == ["key", "serial"])
    }

    @Test func theListOfRevokedCertificatesIsNewAtOnceAfterARevocation() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let before = try await stage.call(.get, APIPath.revocationList)
        #expect(before.status == 200 && before.headers[.contentType] == "application/pkix-crl")
        #expect(try await stage.call(.get, APIPath.revocationList).body == before.body, "the same for a minute")
        #expect(try await stage.order("/v1/connectors/\(machine.id)/revoke", of: stage.acme).status == 204)
        let after = try await stage.call(.get, APIPath.revocationList)
        #expect(after.body.count > before.body.count)
        stage.advance(by: 86_401)
        #expect(try await stage.call(.get, APIPath.revocationList).body.count == before.body.count)
    }
}
