import AuditLog
import AuditStore
import EnrollmentProtocol
import Foundation
import HTTPTypes
import RequestLimits
import Testing

@testable import EnrollmentService

@Suite struct AuditTests {
    private func entries(_ stage: Stage, _ log: String? = nil, _ action: String? = nil) async throws -> [AuditEntry] {
        let audit = stage.installation.audit
        let log = log ?? stage.acme.tenant.id
        // What was noted before is written before this.
        try await audit.record([], in: log)
        return try await audit.file.entries(of: log, from: 0, limit: 10_000, matching: .init(action: action))
    }

    /// Whatever route is added: if it changes something, it leaves a row that says who did it.
    @Test func everyChangingRouteLeavesARowThatNamesWhoDidIt() async throws {
        let stage = try await Stage()
        var seen: Set<String> = []
        for route in stage.service.routes().routes {
            guard let action = AuditedRoute(route.method, route.path).action else { continue }
            #expect(route.method != .get)
            let machine = try await stage.register("gw-a", of: stage.acme)
            let invitation = try await stage.invite("gw-b", of: stage.acme)
            let path = route.path.replacing("{account}", with: "gw-a").replacing("{group}", with: "site")
                .replacing("{name}", with: "hook").replacing("{id}", with: machine.id)
            let before = try await entries(stage, nil, action).count
            for (bearer, certificate) in [
                (stage.acme.administrator, nil), (invitation.secret, nil), (nil, machine.certificate),
                (try await stage.keyAuthorityAssertion(of: stage.acme), nil),
            ] as [(String?, [UInt8]?)] {
                _ = try await stage.call(route.method, path, bearer: bearer, certificate: certificate, body: "{}")
            }
            let rows = try await entries(stage, nil, action).dropFirst(before)
            #expect(
                rows.contains { $0.event.actor.kind != "unknown" && !$0.event.actor.id.isEmpty },
                "\(route.method) \(path) leaves no row of \(action)")
            seen.insert(action)
        }
        #expect(seen.isSuperset(of: ["connectors.register", "connectors.revoke", "accounts.create", "apikeys.delete"]))
    }

    @Test func anActIsOneRowWithWhoWhatAndTheRequest() async throws {
        let stage = try await Stage()
        _ = try await stage.call(
            .post, APIPath.groups, bearer: stage.acme.administrator, message: GroupRequest(name: "g"))
        let row = try #require(try await entries(stage).first)
        #expect(row.event.action == "groups.create")
        #expect(row.event.subject == "groups/g")
        #expect(row.event.actor.kind == "administrator")
        #expect(row.event.actor.name == "admin")
        #expect(row.event.outcome == .done)
        #expect(row.event.detail["status"] == "201")
        #expect(try await entries(stage).count == 1)
        #expect(try await entries(stage, stage.other.tenant.id).isEmpty)

        let machine = try await stage.register(of: stage.acme)
        let registration = try #require(try await entries(stage, nil, "connectors.register").last)
        #expect(registration.event.subject == "connectors/\(machine.id)")
        #expect(registration.event.actor.kind == "enrollment")
        #expect(registration.event.detail["key"]?.contains("sha256") == true)
    }

    @Test func noSecretIsOnRecord() async throws {
        let stage = try await Stage()
        let invitation = try await stage.invite(of: stage.acme)
        let key = try await stage.call(
            .post, APIPath.apiKeys, bearer: stage.acme.administrator, message: APIKeyRequest(name: "k")
        ).message(APIKeyAnswer.self, status: 201)
        _ = try await stage.enroll(try #require(invitation.secret))
        let bytes = try await entries(stage).flatMap(\.encoded)
        let text = String(decoding: bytes, as: UTF8.self)
        for secret in [invitation.secret, key.key, stage.acme.administrator] {
            #expect(!text.contains(try #require(secret).suffix(20)))
        }
    }

    @Test func refusalsAreOneRowAMinuteWithACount() async throws {
        let stage = try await Stage()
        for _ in 0..<50 { _ = try await stage.call(.get, APIPath.accounts, bearer: "nonsense") }
        let application = try await stage.call(
            .post, APIPath.apiKeys, bearer: stage.acme.administrator, message: APIKeyRequest(name: "k")
        ).message(APIKeyAnswer.self, status: 201)
        for _ in 0..<50 { _ = try await stage.call(.get, APIPath.accounts, bearer: application.key) }
        await stage.installation.audit.sweep(isLast: true)
        let strangers = try await entries(stage, Installation.auditLog)
        #expect(strangers.map { $0.event.detail["problem"] } == ["invalid-credentials", "invalid-credentials"])
        #expect(strangers.map { $0.event.detail["repeated"] } == [nil, "49"])
        let known = try await entries(stage).filter { $0.event.outcome == .refused }
        #expect(known.map { $0.event.detail["problem"] } == ["not-permitted", "not-permitted"])
    }

    @Test func whatCannotBePutOnRecordIsNotDone() async throws {
        let stage = try await Stage()
        await stage.installation.audit.file.close()
        let answer = try await stage.call(
            .post, APIPath.groups, bearer: stage.acme.administrator, message: GroupRequest(name: "g"))
        #expect(answer.status == 503)
        #expect(answer.problem == .notReady)
        let groups = try await stage.call(.get, APIPath.groups, bearer: stage.acme.administrator)
        #expect(!groups.text.contains("\"g\""))
    }

    @Test func administratorsReadTheLogAndProveItsGrowth() async throws {
        let stage = try await Stage()
        let admin = stage.acme.administrator
        for number in 0..<7 {
            _ = try await stage.call(.post, APIPath.groups, bearer: admin, message: GroupRequest(name: "g\(number)"))
        }
        let page = try await stage.call(.get, "/v1/audit?limit=3&after=1", bearer: admin).message(AuditPage.self)
        #expect(page.items.map(\.sequence) == [2, 3, 4])
        #expect(page.next == "4")
        let all = try await stage.call(.get, "/v1/audit?action=groups", bearer: admin).message(AuditPage.self)
        let head = try await stage.call(.get, APIPath.auditHead, bearer: admin).message(AuditHeadAnswer.self)
        var verifier = AuditVerifier()
        for row in all.items { try verifier.take(try #require(row.stored)) }
        #expect(try verifier.finish(stored: head.head.head).size == 7)
        let proof = try await stage.call(.get, "/v1/audit/consistency?first=3&second=6", bearer: admin)
            .message(AuditConsistencyAnswer.self)
        #expect(
            MerkleProof.extends(
                try #require(proof.first.head), to: try #require(proof.second.head),
                by: proof.proof.compactMap { AuditHash(hex: $0) }))
        for query in ["?first=8", "?first=5&second=4", "?first=x", "", "?first=-1"] {
            #expect(try await stage.call(.get, APIPath.auditConsistency + query, bearer: admin).status == 400)
        }
        for query in ["?since=yesterday", "?after=x", "?limit=0"] {
            #expect(try await stage.call(.get, APIPath.audit + query, bearer: admin).status == 400)
        }
    }

    @Test func headsTravelInHeartbeatsAndARewrittenConnectorIsFound() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        func beat(_ head: AuditHead, kept: AuditHead? = nil) async throws -> AuditHeadsMessage {
            let answer = try await stage.call(
                .post, APIPath.heartbeat, certificate: machine.certificate,
                message: HeartbeatRequest(audit: AuditHeadsMessage(own: head, kept: kept))
            ).message(HeartbeatAnswer.self)
            return try #require(answer.audit)
        }
        let head = AuditHead(size: 5, root: .leaf([1]))
        let answer = try await beat(head)
        #expect(answer.kept?.head == head)
        #expect(answer.own.head != nil)
        let own = try await stage.call(.get, APIPath.ownState, certificate: machine.certificate).message(
            SelfAnswer.self)
        #expect(own.auditHead?.head == head)
        #expect(try await entries(stage, nil, "audit.head").last?.event.detail["size"] == "5")

        _ = try await beat(AuditHead(size: 5, root: .leaf([2])), kept: answer.own.head)
        #expect(try await entries(stage, nil, "audit").map(\.event.action).last == "audit.conflict")
        _ = try await beat(head, kept: AuditHead(size: 1, root: .leaf([3])))
        #expect(try await entries(stage, nil, "audit").map(\.event.action).last == "audit.rewritten")
        let seen = try await stage.call(.get, APIPath.auditHead, bearer: stage.acme.administrator)
            .message(AuditHeadAnswer.self)
        #expect(seen.connectors.map(\.of) == [machine.id])
        #expect(seen.witnesses.map(\.size) == [1])
        let bad = try await stage.call(
            .post, APIPath.heartbeat, certificate: machine.certificate,
            body: #"{"audit":{"own":{"size":1,"root":"x"}}}"#)
        #expect(bad.status == 400)
    }

    @Test func whoAsksTooOftenIsToldWhenToComeAgain() async throws {
        var limits = LimitSettings.unlimited
        limits.principal[.administration] = RequestRate(perSecond: 0.5, burst: 2)
        let stage = try await Stage(limits: limits)
        for _ in 0..<2 {
            #expect(try await stage.call(.get, APIPath.groups, bearer: stage.acme.administrator).status == 200)
        }
        let refused = try await stage.call(.get, APIPath.groups, bearer: stage.acme.administrator)
        #expect(refused.problem == .rateLimited)
        #expect(refused.headers[.retryAfter] == "2")
        #expect(try await stage.call(.get, APIPath.groups, bearer: stage.other.administrator).status == 200)
        stage.advance(by: 2)
        #expect(try await stage.call(.get, APIPath.groups, bearer: stage.acme.administrator).status == 200)
        #expect(try await entries(stage).last?.event.detail["problem"] == "rate-limited")
    }
}
