import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import Synchronization
import Testing

@testable import EnrollmentService

@Suite struct QueueCredentialTests {
    private static let boot = String(repeating: "a", count: 26)
    private static let nonce: [UInt8] = Array(1...32)

    private static func proof(_ key: MachineKey, _ token: String, nonce: [UInt8] = nonce) throws -> [UInt8] {
        Array(try key.signing.signature(for: LinkProof.bytes(nonce: nonce, token: token)).rawRepresentation)
    }

    private func code(
        _ stage: Stage, _ token: String, _ proof: [UInt8], nonce: [UInt8] = nonce
    ) async -> EnrollmentServiceError.Code? {
        do {
            _ = try await stage.service.verify(token: token, proof: proof, nonce: nonce)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func theCredentialAndItsProofOpenTheLink() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let answer = try await stage.queueCredentials(machine, boot: Self.boot)
        #expect(answer.broker == .embedded)
        #expect(answer.expiresAt == stage.now.addingTimeInterval(900))
        #expect(answer.places.tenantID == stage.acme.tenant.id)
        let principal = try await stage.service.verify(
            token: answer.token, proof: try Self.proof(machine.key, answer.token), nonce: Self.nonce)
        #expect(principal.tenant.slug == "acme")
        #expect(principal.memberID == machine.id)
        #expect(principal.role == .connector)
        #expect(principal.groups == answer.places.groups)
        #expect(principal.bootID == Self.boot)
        #expect(principal.bootNumber == 1)
        #expect(principal.expiresAt == answer.expiresAt)
    }

    @Test func theTokenAloneOpensNothing() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let neighbour = try await stage.register(of: stage.acme)
        let token = try await stage.queueCredentials(machine, boot: Self.boot).token
        let proof = try Self.proof(machine.key, token)
        #expect(await code(stage, token, []) == .invalidCredential)
        #expect(await code(stage, token, [UInt8](repeating: 0, count: 64)) == .invalidCredential)
        #expect(await code(stage, token, try Self.proof(neighbour.key, token)) == .invalidCredential)
        #expect(await code(stage, token, proof, nonce: Array(2...33)) == .invalidCredential)
        let raw = try machine.key.signing.signature(for: Self.nonce).rawRepresentation
        #expect(await code(stage, token, Array(raw)) == .invalidCredential)
    }

    @Test func aChangedOrForeignTokenIsRefused() async throws {
        let stage = try await Stage()
        let foreign = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let token = try await stage.queueCredentials(machine, boot: Self.boot).token
        let parts = token.split(separator: ".").map(String.init)
        let none = Base64URL.encode(#"{"alg":"none","typ":"JWT"}"#.utf8)
        let stranger = try await foreign.register(of: foreign.acme)
        let tokens = [
            "", "a.b.c", parts[0] + "." + parts[1] + ".", none + "." + parts[1] + ".",
            none + "." + parts[1] + "." + parts[2],
            parts[0] + "." + String(parts[1].dropLast(4)) + "AAAA." + parts[2],
            try await foreign.queueCredentials(stranger, boot: Self.boot).token,
        ]
        for token in tokens {
            #expect(await code(stage, token, try Self.proof(machine.key, token)) == .invalidCredential)
        }
    }

    @Test func theCredentialEndsAfterFifteenMinutes() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let token = try await stage.queueCredentials(machine, boot: Self.boot).token
        let proof = try Self.proof(machine.key, token)
        stage.advance(by: 899)
        #expect(await code(stage, token, proof) == nil)
        stage.advance(by: 1)
        #expect(await code(stage, token, proof) == .expiredCredential)
    }

    @Test func theCredentialDoesNotOutliveTheCertificate() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        stage.advance(by: 86400 - 60)
        let answer = try await stage.queueCredentials(machine, boot: Self.boot)
        #expect(answer.expiresAt == machine.answer.notAfter)
    }

    @Test func aRevocationIsToldAtOnceAndEndsTheCredential() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let token = try await stage.queueCredentials(machine, boot: Self.boot).token
        let told = Mutex<[String]>([])
        stage.service.onStandingChanged { tenant, connector, standing in
            told.withLock { $0.append("\(tenant.slug)/\(connector) \(standing)") }
        }
        let path = "/v1/connectors/\(machine.id)/revoke"
        for _ in 0..<2 {
            #expect(try await stage.call(.post, path, bearer: stage.acme.administrator).status == 204)
        }
        #expect(told.withLock { $0 } == ["acme/\(machine.id) revoked"])
        #expect(await code(stage, token, try Self.proof(machine.key, token)) == .revokedCredential)
    }
}
