import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import IdentityStore
import MachineIdentity
import Testing

@testable import EnrollmentService

@Suite struct AssertionTests {
    private func problem(_ answer: Answer) throws -> AccessTokenProblem {
        try EnrollmentJSON.decode(AccessTokenProblem.self, from: answer.body)
    }

    @Test func anAssertionGetsATokenThatStandsForTheCertificate() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let answer = try await stage.assert(try Assertion(of: machine, at: stage.now).text(signedBy: machine.key))
        #expect(answer.headers[.cacheControl] == "no-store")
        #expect(answer.headers[.contentType] == "application/json")
        let token: AccessTokenAnswer = try answer.message()
        #expect(token.tokenType == "Bearer")
        #expect(token.expiresIn == 300)
        #expect(token.scope == .member)
        let bearer = token.accessToken
        let own = try await stage.call(.get, APIPath.ownState, bearer: bearer).message(SelfAnswer.self)
        #expect(own.connectorID == machine.id)
        #expect(own.notAfter == machine.answer.notAfter)
        #expect(try await stage.call(.post, APIPath.heartbeat, bearer: bearer, body: "{}").status == 200)
        let credential = try await stage.call(
            .post, APIPath.queueCredentials, bearer: bearer,
            message: QueueCredentialsRequest(bootID: String(repeating: "a", count: 26))
        ).message(QueueCredentialsAnswer.self)
        let proof = try machine.key.signing.signature(for: LinkProof.bytes(nonce: [1], token: credential.token))
        #expect(
            try await stage.service.verify(
                token: credential.token, proof: Array(proof.rawRepresentation), nonce: [1]
            ).memberID == machine.id)
        let renewed = try await stage.renew(machine, bearer: bearer)
        #expect(renewed.answer.generation == 2)
        #expect(try await stage.verdict(on: renewed) == nil)
        #expect(try await stage.call(.get, APIPath.ownState, bearer: bearer).problem == .staleGeneration)
        let next = try await stage.accessToken(of: renewed).accessToken
        let body = ReasonRequest(reason: "given up")
        #expect(try await stage.call(.post, APIPath.revokeCertificate, bearer: next, message: body).status == 204)
        #expect(try await stage.call(.get, APIPath.ownState, bearer: next).problem == .certificateRevoked)
    }

    @Test func theTenantItselfAndListsOfNamesAreAudiencesToo() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        for audience in [["https://localhost:8443"], ["https://elsewhere", "https://localhost:8443/oauth2/token"]] {
            var assertion = Assertion(of: machine, at: stage.now)
            assertion.audience = audience
            #expect(try await stage.assert(try assertion.text(signedBy: machine.key)).status == 200)
        }
    }

    @Test func whatIsWrongWithAnAssertionIsRefused() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let neighbour = try await stage.register(of: stage.acme)
        let foreign = try await stage.register(of: stage.other)
        typealias Change = (inout Assertion) -> Void
        let table: [(String, MachineKey, Change)] = [
            ("no algorithm", machine.key, { $0.algorithm = "none" }),
            ("a shared secret", machine.key, { $0.algorithm = "HS256" }),
            ("RSA", machine.key, { $0.algorithm = "RS256" }),
            ("another spelling", machine.key, { $0.algorithm = "es256" }),
            ("no kid", machine.key, { $0.keyID = nil }),
            ("kid in capitals", machine.key, { $0.keyID = $0.keyID?.uppercased() }),
            ("an unknown kid", machine.key, { $0.keyID = MachineKey().fingerprint.hex }),
            ("a neighbour's kid", machine.key, { $0.keyID = neighbour.key.fingerprint.hex }),
            ("a neighbour's key", neighbour.key, { _ in }),
            ("a neighbour's key and kid", neighbour.key, { $0.keyID = neighbour.key.fingerprint.hex }),
            ("another tenant's key and kid", foreign.key, { $0.keyID = foreign.key.fingerprint.hex }),
            ("somebody's key", MachineKey(), { _ in }),
            ("an extension that must be known", machine.key, { $0.extraHeader = ["crit": "b64"] }),
            ("no issuer", machine.key, { $0.issuer = nil }),
            ("another issuer", machine.key, { $0.issuer = neighbour.id }),
            ("no subject", machine.key, { $0.subject = nil }),
            (
                "a subject that is no id", machine.key,
                {
                    $0.subject = "gw"; $0.issuer = "gw"
                }
            ),
            (
                "an unknown connector", machine.key,
                {
                    $0.subject = RegistryID.random(); $0.issuer = $0.subject
                }
            ),
            ("another audience", machine.key, { $0.audience = ["https://localhost:8443/oauth2/tokens"] }),
            ("no audience", machine.key, { $0.audience = [] }),
            ("an end too far ahead", machine.key, { $0.expiresAt = stage.now.addingTimeInterval(301) }),
            ("an end that is now", machine.key, { $0.expiresAt = stage.now }),
            ("an end long ago", machine.key, { $0.expiresAt = stage.now.addingTimeInterval(-3600) }),
            ("no end", machine.key, { $0.expiresAt = nil }),
            ("no beginning", machine.key, { $0.issuedAt = nil }),
            ("a beginning in the future", machine.key, { $0.issuedAt = stage.now.addingTimeInterval(61) }),
            ("no jti", machine.key, { $0.id = nil }),
            ("a short jti", machine.key, { $0.id = String(repeating: "x", count: 15) }),
            ("a long jti", machine.key, { $0.id = String(repeating: "x", count: 129) }),
        ]
        for (what, key, change) in table {
            var assertion = Assertion(of: machine, at: stage.now)
            change(&assertion)
            let answer = try await stage.assert(try assertion.text(signedBy: key))
            #expect(answer.status == 401, "\(what): \(answer.text)")
            #expect(try problem(answer).error == .invalidClient, "\(what): \(answer.text)")
            #expect(answer.headers[.cacheControl] == "no-store")
            #expect(answer.headers[.wwwAuthenticate] != nil)
        }
        let good = try Assertion(of: machine, at: stage.now).text(signedBy: machine.key)
        let parts = good.split(separator: ".")
        let changed = "\(parts[0]).\(parts[1].dropLast())A.\(parts[2])"
        for text in [
            "x", "a.b.c", "..", "\(parts[0]).\(parts[1]).", "\(good).x", changed, good + "A",
            String(repeating: "a", count: 9000),
        ] {
            #expect(try await stage.assert(text).status == 401, "\(text.prefix(80))")
        }
        #expect(try await stage.assert(good).status == 200)
    }

    @Test func unknownRevokedFrozenAndWrongLookTheSame() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let revoked = try await stage.register(of: stage.acme)
        let frozen = try await stage.register(of: stage.acme)
        _ = try await stage.call(.post, "/v1/connectors/\(revoked.id)/revoke", bearer: stage.acme.administrator)
        _ = try await stage.renew(frozen)
        #expect(try await stage.askToRenew(frozen, key: MachineKey()).problem == .cloneSuspected)
        var unknown = Assertion(of: machine, at: stage.now)
        unknown.keyID = MachineKey().fingerprint.hex
        var bodies: Set<Data> = []
        for (assertion, key) in [
            (unknown, machine.key), (Assertion(of: machine, at: stage.now), MachineKey()),
            (Assertion(of: revoked, at: stage.now), revoked.key), (Assertion(of: frozen, at: stage.now), frozen.key),
        ] {
            let answer = try await stage.assert(try assertion.text(signedBy: key))
            #expect(answer.status == 401)
            bodies.insert(answer.body)
        }
        #expect(bodies.count == 1)
    }

    @Test func aJTIIsUsedOnceAlsoAfterARestart() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let neighbour = try await stage.register(of: stage.acme)
        var assertion = Assertion(of: machine, at: stage.now)
        assertion.expiresAt = stage.now.addingTimeInterval(300)
        let text = try assertion.text(signedBy: machine.key)
        #expect(try await stage.assert(text).status == 200)
        #expect(try await stage.assert(text).status == 401)
        #expect(try await stage.assert(try assertion.text(signedBy: machine.key)).status == 401)
        var other = Assertion(of: neighbour, at: stage.now)
        other.id = assertion.id
        #expect(try await stage.assert(try other.text(signedBy: neighbour.key)).status == 200)
        stage.advance(by: 299)
        _ = try await stage.service.tidy()
        let again = try await Stage(restarting: stage)
        #expect(try await again.assert(text).status == 401)
        #expect(try problem(try await again.assert(text)).description.contains("used before"))
        #expect(try await stage.assert(text).status == 401)
        stage.advance(by: 2)
        #expect(try problem(try await stage.assert(text)).description.contains("has ended"))
    }

    @Test func ofManyWithOneJTIOneIsServed() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let text = try Assertion(of: machine, at: stage.now).text(signedBy: machine.key)
        let served = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { try await stage.assert(text).status } }
            return try await group.reduce(into: 0) { $0 += $1 == 200 ? 1 : 0 }
        }
        #expect(served == 1)
    }

    @Test func oneConnectorCannotFillTheRegistryWithAssertions() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        for _ in 0..<TenantScope.mostAssertions { _ = try await stage.accessToken(of: machine) }
        let text = try Assertion(of: machine, at: stage.now).text(signedBy: machine.key)
        #expect(try await stage.assert(text).problem == .rateLimited)
        stage.advance(by: 61)
        _ = try await stage.accessToken(of: machine)
    }

    @Test func aFormThatIsWrongIsNamed() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let good = [
            ("grant_type", AccessTokenForm.grantType), ("client_assertion_type", AccessTokenForm.assertionType),
            ("client_assertion", try Assertion(of: machine, at: stage.now).text(signedBy: machine.key)),
        ]
        func changed(_ name: String, _ value: String?) -> [(String, String)] {
            good.compactMap { $0.0 == name ? value.map { (name, $0) } : $0 }
        }
        let table: [([(String, String)], AccessTokenProblem.Code)] = [
            ([], .invalidRequest), (changed("grant_type", nil), .invalidRequest),
            (changed("grant_type", "password"), .unsupportedGrantType),
            (changed("client_assertion_type", nil), .invalidRequest),
            (
                changed("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
                .invalidRequest
            ),
            (changed("client_assertion", nil), .invalidRequest), (changed("client_assertion", ""), .invalidRequest),
            (good + [("grant_type", "client_credentials")], .invalidRequest),
            (good + [("client_id", stage.acme.tenant.id)], .invalidRequest),
        ]
        for (form, code) in table {
            let answer = try await stage.askForToken(form)
            #expect(answer.status == 400)
            #expect(try problem(answer).error == code, "\(answer.text)")
        }
        #expect(try await stage.askForToken(good, type: "application/json").status == 400)
        #expect(try await stage.askForToken(good, type: nil).status == 400)
        #expect(
            try await stage.call(.post, APIPath.accessTokens, body: "grant_type=%zz", type: AccessTokenForm.mediaType)
                .status == 400)
        let more = good + [("client_id", machine.id), ("scope", "member"), ("resource", "x")]
        #expect(
            try await stage.askForToken(more, type: "application/x-www-form-urlencoded; charset=utf-8").status == 200)
    }

    @Test func noTokenIsTakenForAnother() async throws {
        let stage = try await Stage()
        let foreign = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let stranger = try await foreign.register(of: foreign.acme)
        let boot = String(repeating: "a", count: 26)
        let access = try await stage.accessToken(of: machine).accessToken
        let queue = try await stage.queueCredentials(machine, boot: boot).token
        let proof = try machine.key.signing.signature(for: LinkProof.bytes(nonce: [1], token: access))
        await #expect(throws: EnrollmentServiceError(.invalidCredential, "")) {
            _ = try await stage.service.verify(token: access, proof: Array(proof.rawRepresentation), nonce: [1])
        }
        let assertion = try Assertion(of: machine, at: stage.now).text(signedBy: machine.key)
        let alien = try await foreign.accessToken(of: stranger).accessToken
        let parts = access.split(separator: ".")
        let none = Base64URL.encode(#"{"alg":"none","typ":"at+jwt"}"#.utf8)
        for token in [queue, assertion, alien, "a.b.c", "..", "\(none).\(parts[1]).", "\(parts[0]).\(parts[1])."] {
            #expect(try await stage.call(.get, APIPath.ownState, bearer: token).problem == .invalidCredentials)
        }
        #expect(try await stage.assert(access).status == 401)
        #expect(try await stage.assert(queue).status == 401)
        for path in [APIPath.whoAmI, APIPath.connectors] {
            #expect(try await stage.call(.get, path, bearer: access).problem == .invalidCredentials)
        }
        stage.advance(by: 301)
        #expect(try await stage.call(.get, APIPath.ownState, bearer: access).problem == .invalidCredentials)
    }

    @Test func aRevokedConnectorsTokenIsRefusedFromTheNextRequestOn() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let bearer = try await stage.accessToken(of: machine).accessToken
        #expect(try await stage.call(.get, APIPath.ownState, bearer: bearer).status == 200)
        _ = try await stage.call(.post, "/v1/connectors/\(machine.id)/revoke", bearer: stage.acme.administrator)
        #expect(try await stage.call(.get, APIPath.ownState, bearer: bearer).problem == .certificateRevoked)
        #expect(try await stage.askToRenew(machine, key: MachineKey(), bearer: bearer).problem == .certificateRevoked)
    }

    @Test func anAssertionByTheNewKeyIsItsFirstUse() async throws {
        let stage = try await Stage()
        let first = try await stage.register(of: stage.acme)
        let old = try await stage.accessToken(of: first).accessToken
        let second = try await stage.renew(first)
        #expect(try await stage.call(.get, APIPath.ownState, bearer: old).status == 200)
        _ = try await stage.accessToken(of: first)
        _ = try await stage.accessToken(of: second)
        #expect(try await stage.verdict(on: first) == .staleGeneration)
        #expect(try await stage.call(.get, APIPath.ownState, bearer: old).problem == .staleGeneration)
        // By the key alone, without any certificate at hand, the lost answer is found again.
        let bearer = try await stage.accessToken(of: second).accessToken
        let again = try await stage.askToRenew(second, key: second.key, bearer: bearer)
        #expect(try again.message(EnrollAnswer.self) == second.answer)
    }
}
