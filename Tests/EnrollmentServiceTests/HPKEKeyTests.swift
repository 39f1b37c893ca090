import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import RelayFormat
import RelaySealing
import Testing

@testable import EnrollmentService

@Suite struct HPKEKeyTests {
    @Test func theSameKeyAgainChangesNothingAndTheHeartbeatNamesIt() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let key = try HPKEPrivateKey(suite: .x25519)
        let request = try stage.statement(key, of: machine, tenant: stage.acme)
        for _ in 0..<3 {
            let answer = try await stage.call(
                .put, APIPath.hpkeKeys, certificate: machine.certificate, message: request)
            #expect(answer.status == 204)
            #expect(answer.body.isEmpty)
        }
        try await stage.handInKeys(machine, of: stage.acme, suite: .xWing)
        await stage.cutEpochs()
        let first = try await stage.epoch(of: machine)
        let heartbeat = try await stage.call(.post, APIPath.heartbeat, certificate: machine.certificate, body: "{}")
            .message(HeartbeatAnswer.self)
        #expect(heartbeat.hpkeKeys?.map(\.suite) == [1, 2])
        #expect(heartbeat.hpkeKeys?.first == HPKEKeyDigest(suite: 1, key: key.publicKey.rawRepresentation))
        let group = try #require(try await stage.groups(of: machine).first).id
        #expect(heartbeat.epochs == [EpochReference(group: group, epoch: first.core.number)])
        _ = try await stage.call(.put, APIPath.hpkeKeys, certificate: machine.certificate, message: request)
        stage.advance(by: 5)
        await stage.cutEpochs()
        #expect(try await stage.epoch(of: machine) == first)
    }

    @Test func whatIsWrongWithAStatementIsSaidAndNothingIsKept() async throws {
        let stage = try await Stage()
        let (one, two) = (try await stage.register(of: stage.acme), try await stage.register(of: stage.acme))
        let foreign = try await stage.register(of: stage.other)
        let key = try HPKEPrivateKey(suite: .x25519)
        let good = try stage.statement(key, of: one, tenant: stage.acme)
        func changed(_ change: (inout HPKEKeyRequest) -> Void) -> HPKEKeyRequest {
            var request = good
            change(&request)
            return request
        }
        let wrong: [(String, HPKEKeyRequest, EnrollmentProblem)] = [
            ("another member's", try stage.statement(key, of: two, tenant: stage.acme), .proofOfPossessionFailed),
            ("another tenant's", try stage.statement(key, of: foreign, tenant: stage.other), .proofOfPossessionFailed),
            (
                "signed by another key", try stage.statement(key, of: one, tenant: stage.acme, signer: two.key),
                .proofOfPossessionFailed
            ),
            ("a changed key", changed { $0.key[3] ^= 1 }, .proofOfPossessionFailed),
            ("a changed signature", changed { $0.signature[9] ^= 1 }, .proofOfPossessionFailed),
            ("another suite", changed { $0.suite = 2 }, .unsupportedKey),
            ("no suite", changed { $0.suite = 0 }, .unsupportedKey),
            ("a large suite", changed { $0.suite = 257 }, .unsupportedKey),
            ("a short key", changed { $0.key = $0.key.dropLast() }, .unsupportedKey),
            ("a short signature", changed { $0.signature = $0.signature.dropLast() }, .malformedRequest),
        ]
        for (what, request, problem) in wrong {
            let answer = try await stage.call(.put, APIPath.hpkeKeys, certificate: one.certificate, message: request)
            #expect(answer.problem == problem, "\(what): \(answer.text)")
        }
        let odd = try await stage.call(
            .put, APIPath.hpkeKeys, certificate: one.certificate,
            body: #"{"suite":1,"key":"§","signature":"","member":"x"}"#)
        #expect(odd.problem == .malformedRequest)
        await stage.cutEpochs()
        #expect(try await stage.keptEpoch(of: stage.acme) == nil)
    }

    @Test func anEpochIsFetchedOnceAndOnlyByItsGroup() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        try await stage.makeAccount("elsewhere", group: "other-site", of: stage.acme)
        let neighbour = try await stage.register("elsewhere", of: stage.acme)
        let foreign = try await stage.register(of: stage.other)
        try await stage.handInKeys(machine, of: stage.acme)
        await stage.cutEpochs()
        let group = try #require(try await stage.groups(of: machine).first).id
        let path = APIPath.currentEpoch.replacing("{group}", with: group)
        let full = try await stage.call(.get, path, certificate: machine.certificate)
        #expect(full.headers[.contentType] == "application/octet-stream")
        let tag = try #require(full.headers[.eTag])
        let manifest = try EpochManifest(decoding: Array(full.body))
        #expect(tag == "\"" + manifest.core.hash.bytes.map { String(format: "%02x", $0) }.joined() + "\"")
        for field in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
            let answer = try await stage.call(
                .get, path, certificate: machine.certificate, headers: [.ifNoneMatch: field])
            #expect(answer.status == 304, "\(field)")
            #expect(answer.body.isEmpty)
        }
        for field in ["\"other\"", "", "x"] {
            let answer = try await stage.call(
                .get, path, certificate: machine.certificate, headers: [.ifNoneMatch: field])
            #expect(answer.status == 200, "\(field)")
        }
        for stranger in [neighbour, foreign] {
            #expect(try await stage.call(.get, path, certificate: stranger.certificate).problem == .notFound)
        }
        #expect(try await stage.call(.get, path, bearer: stage.acme.administrator).status == 401)
    }
}
