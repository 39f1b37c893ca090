import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import JWTKit
import MachineIdentity
import Testing

@testable import EnrollmentService

/// The keys of queue credentials: published before they sign, counted until the last of their credentials has ended.
@Suite struct TokenKeyTests {
    private static let boot = String(repeating: "a", count: 26)
    private static let nonce: [UInt8] = Array(1...32)

    private func keySet(_ stage: Stage) async throws -> [KeySetAnswer.Key] {
        try await stage.call(.get, APIPath.keySet).message(KeySetAnswer.self).keys
    }

    private func keyID(_ token: String) throws -> String {
        struct Head: Decodable { var kid: String }
        let head = try #require(Base64URL.decode(token.prefix { $0 != "." }))
        return try JSONDecoder().decode(Head.self, from: Data(head)).kid
    }

    private func opens(_ stage: Stage, _ token: String, _ machine: Machine) async throws -> Bool {
        let proof = Array(
            try machine.key.signing.signature(for: LinkProof.bytes(nonce: Self.nonce, token: token)).rawRepresentation)
        return (try? await stage.service.verify(token: token, proof: proof, nonce: Self.nonce)) != nil
    }

    @Test func anyoneCanVerifyACredentialWithThePublishedKeys() async throws {
        let stage = try await Stage()
        let answer = try await stage.call(.get, APIPath.keySet)
        #expect(answer.headers[.contentType] == "application/jwk-set+json")
        #expect(answer.headers[.cacheControl] == "public, max-age=300")
        let key = try #require(try await keySet(stage).first)
        for coordinate in [key.x, key.y] {
            #expect(Base64URL.decode(coordinate)?.count == 32, "not base64url without padding: \(coordinate)")
        }
        let machine = try await stage.register(of: stage.acme)
        let token = try await stage.queueCredentials(machine, boot: Self.boot).token
        #expect(try keyID(token) == key.id)
        // Another implementation of JWKS than the one that wrote it.
        struct Claims: JWTPayload {
            var sub: String
            func verify(using algorithm: some JWTAlgorithm) throws {}
        }
        let verifier = try await JWTKeyCollection().add(jwksJSON: answer.text)
        #expect(try await verifier.verify(token, as: Claims.self).sub == machine.id)
    }

    @Test func aRotationRefusesNoCredentialOnTheWay() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let first = try #require(try await keySet(stage).first).id
        let next = try stage.installation.rotateTokenKey(lead: 600, now: stage.now)
        #expect(try stage.installation.tokenKeys().map { $0.state(among: [$0], at: stage.now) }.first == .next)
        var given: [(token: String, until: Date)] = []
        var signers: Set<String> = []
        // Forty minutes in steps of a minute, a credential at each: every one counts for as long as it says.
        for _ in 0..<40 {
            let credentials = try await stage.queueCredentials(machine, boot: Self.boot)
            let signer = try keyID(credentials.token)
            signers.insert(signer)
            #expect(signer == (stage.now < next.signsFrom ? first : next.id))
            #expect(try await keySet(stage).contains { $0.id == signer })
            given.append((credentials.token, credentials.expiresAt))
            for (token, until) in given where stage.now < until {
                #expect(try await opens(stage, token, machine))
                let known = try await keySet(stage).map(\.id)
                #expect(known.contains(try keyID(token)), "a credential that counts has a key that is not published")
            }
            given.removeAll { $0.until <= stage.now }
            stage.advance(by: 60)
        }
        #expect(signers == [first, next.id])
        #expect(try await keySet(stage).map(\.id) == [next.id])
        let keys = try stage.installation.tokenKeys()
        #expect(keys.map { $0.state(among: keys, at: stage.now) } == [.current, .ended])
        // The next rotation clears up what ended.
        _ = try stage.installation.rotateTokenKey(lead: 600, now: stage.now)
        #expect(try stage.installation.tokenKeys().allSatisfy { $0.id != first })
        #expect(!FileManager.default.fileExists(atPath: stage.path + "/token.key"))
        let reopened = try await Installation.open(stage.installation.folder, now: stage.now)
        #expect(try reopened.tokenKeys().count == 2)
    }

    @Test func afterATheftTheOldKeyCountsNoMore() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let stolen = try await stage.queueCredentials(machine, boot: Self.boot).token
        #expect(try await opens(stage, stolen, machine))
        let next = try stage.installation.rotateTokenKey(lead: nil, now: stage.now)
        #expect(try await opens(stage, stolen, machine) == false)
        let fresh = try await stage.queueCredentials(machine, boot: Self.boot).token
        #expect(try keyID(fresh) == next.id)
        #expect(try await opens(stage, fresh, machine))
        #expect(try await keySet(stage).map(\.id) == [next.id])
    }

    @Test func oneRotationAtATimeAndNoneTooFast() async throws {
        let stage = try await Stage()
        #expect(throws: EnrollmentServiceError(.invalidArgument, "")) {
            try stage.installation.rotateTokenKey(lead: 60, now: stage.now)
        }
        _ = try stage.installation.rotateTokenKey(lead: 600, now: stage.now)
        #expect(throws: EnrollmentServiceError(.alreadyExists, "")) {
            try stage.installation.rotateTokenKey(lead: 600, now: stage.now)
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: stage.path).filter { $0.hasPrefix("token") }
        #expect(files.count == 2)
    }
}
