import CertificateAuthority
import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import IdentityStore
import JWTKit
import KafkaTopology
import MachineIdentity
import RelayFormat
import RelaySealing
import Testing

@testable import EnrollmentService

/// What members get where tenant and connectors share a Kafka cluster.
@Suite struct KafkaCredentialTests {
    private static let boot = String(repeating: "a", count: 26)

    /// What Kafka's validator looks at (KIP-768).
    private struct Claims: JWTPayload {
        var iss: String
        var sub: String
        var aud: String
        var iat: Int
        var exp: Int
        var scope: String
        func verify(using algorithm: some JWTAlgorithm) throws {}
    }

    private func settings(
        _ mechanism: KafkaMechanism, tls: Bool = true, user: String? = nil
    ) -> KafkaSettings {
        var settings = KafkaSettings(bootstrap: "kafka-1:9093,kafka-2:9093", replication: 1)
        settings.connectors = .init(
            bootstrap: "kafka.example.org:9094", mechanism: mechanism, tls: tls, user: user,
            properties: ["client.rack": "eu-1"])
        return settings
    }

    private func ask(_ stage: Stage, _ machine: Machine) async throws -> Answer {
        try await stage.call(
            .post, APIPath.queueCredentials, certificate: machine.certificate,
            message: QueueCredentialsRequest(bootID: Self.boot))
    }

    @Test func aTokenForKafkaIsVerifiedByThePublishedKeysAndNamesTheConnector() async throws {
        let stage = try await Stage(kafka: (settings(.oauthBearer), [:]))
        let machine = try await stage.register(of: stage.acme)
        let answer = try await stage.queueCredentials(machine, boot: Self.boot)
        let kafka = try #require(answer.broker.kafka)
        #expect(answer.broker.kind == "kafka")
        #expect(kafka.bootstrap == "kafka.example.org:9094")
        #expect(kafka.layout == .init())
        #expect(kafka.security == .init(mechanism: .oauthBearer, tls: true, principal: machine.id))
        #expect(kafka.properties == ["client.rack": "eu-1"])
        #expect(answer.limits.recordBytes <= 900_000)
        #expect(answer.expiresAt == stage.now.addingTimeInterval(600))
        let keys = try await stage.call(.get, APIPath.keySet).text
        let claims = try await JWTKeyCollection().add(jwksJSON: keys).verify(answer.token, as: Claims.self)
        #expect(claims.sub == machine.id)
        #expect(claims.aud == Installation.kafkaAudience)
        #expect(claims.iss == "https://localhost:8443")
        #expect(claims.scope == "postern.connector")
        #expect(claims.iat == Int(stage.now.timeIntervalSince1970))
        #expect(claims.exp == Int(answer.expiresAt.timeIntervalSince1970))
    }

    @Test func aTokenForKafkaOpensNothingAtTheTenantsOwnPort() async throws {
        let stage = try await Stage(kafka: (settings(.oauthBearer), [:]))
        let machine = try await stage.register(of: stage.acme)
        let token = try await stage.queueCredentials(machine, boot: Self.boot).token
        #expect(try await stage.call(.get, APIPath.ownState, bearer: token).status == 401)
        let proof = try machine.key.signing.signature(for: LinkProof.bytes(nonce: [1], token: token))
        await #expect(throws: EnrollmentServiceError.self) {
            _ = try await stage.service.verify(token: token, proof: Array(proof.rawRepresentation), nonce: [1])
        }
    }

    @Test func aTokenForKafkaDoesNotOutliveTheCertificate() async throws {
        let stage = try await Stage(kafka: (settings(.oauthBearer), [:]))
        let machine = try await stage.register(of: stage.acme)
        stage.advance(by: 86400 - 60)
        #expect(try await stage.queueCredentials(machine, boot: Self.boot).expiresAt == machine.answer.notAfter)
    }

    @Test func withMutualTLSNothingSecretIsHandedOut() async throws {
        let authority = CertificatePEM.encode([try await Stage().installation.authority.rootCertificate])
        let stage = try await Stage(kafka: (settings(.mutualTLS), [.connectorAuthorities: authority]))
        let machine = try await stage.register(of: stage.acme)
        let answer = try await stage.queueCredentials(machine, boot: Self.boot)
        #expect(answer.token.isEmpty)
        let security = try #require(answer.broker.kafka?.security)
        #expect(
            security == .init(mechanism: .mutualTLS, tls: true, authorities: authority, principal: machine.id))
    }

    @Test(arguments: [SealingSuite.x25519, .xWing])
    func aPasswordIsSealedToTheOneConnectorThatAsks(suite: SealingSuite) async throws {
        let password = "$ConnectionString=ünïcode"
        let stage = try await Stage(
            kafka: (settings(.plain, user: "$ConnectionString"), [.connectorPassword: password]))
        let (machine, other) = (
            try await stage.register(of: stage.acme), try await stage.register("gw2", of: stage.acme)
        )
        let refusal = try await ask(stage, machine)
        #expect(refusal.status == 503, "a password was handed out without a key to seal it to")
        #expect(refusal.text.contains("not-ready"))
        let key = try await stage.handInKeys(machine, of: stage.acme, suite: suite)
        let otherKey = try await stage.handInKeys(other, of: stage.acme, suite: suite)
        let answer = try await ask(stage, machine)
        #expect(!answer.text.contains(password))
        let message = try answer.message(QueueCredentialsAnswer.self)
        #expect(message.token.isEmpty)
        #expect(message.broker.kafka?.security.user == "$ConnectionString")
        let secret = try #require(message.broker.kafka?.security.secret)
        #expect(Array(secret.key) == key.publicKey.rawRepresentation)
        let tenant = try #require(TenantID(stage.acme.tenant.id))
        let (member, stranger) = (try #require(MemberID(machine.id)), try #require(MemberID(other.id)))
        let sealed = SealedCredential(key: key.publicKey, bytes: Array(secret.sealed))
        #expect(try sealed.open(with: key, tenant: tenant, member: member) == Array(password.utf8))
        #expect(throws: SealingError.self) { try sealed.open(with: key, tenant: tenant, member: stranger) }
        let moved = SealedCredential(key: otherKey.publicKey, bytes: Array(secret.sealed))
        #expect(throws: SealingError.self) { try moved.open(with: otherKey, tenant: tenant, member: member) }
        var changed = Array(secret.sealed)
        changed[changed.count - 1] ^= 1
        let broken = SealedCredential(key: key.publicKey, bytes: changed)
        #expect(throws: SealingError.self) { try broken.open(with: key, tenant: tenant, member: member) }
    }

    @Test func whoIsFrozenOrRevokedGetsNothingForKafka() async throws {
        let stage = try await Stage(kafka: (settings(.oauthBearer), [:]))
        let machine = try await stage.register(of: stage.acme)
        #expect(try await stage.order("/v1/connectors/\(machine.id)/freeze", of: stage.acme).status == 204)
        #expect(try await ask(stage, machine).status == 403)
        #expect(try await stage.order("/v1/connectors/\(machine.id)/unfreeze", of: stage.acme).status == 204)
        #expect(try await ask(stage, machine).status == 200)
        #expect(try await stage.order("/v1/connectors/\(machine.id)/revoke", of: stage.acme).status == 204)
        #expect(try await ask(stage, machine).status == 401)
    }

    @Test func theTenantsOwnTokenNamesTheTenant() async throws {
        var kafka = settings(.none, tls: false)
        kafka.tenant = .init(bootstrap: "kafka:9093", mechanism: .oauthBearer, tls: true)
        let stage = try await Stage(kafka: (kafka, [:]))
        let access = try #require(try stage.installation.kafkaAccess())
        #expect(access.settings.tenant.mechanism == .oauthBearer)
        let (token, end) = try await stage.installation.kafkaToken(for: "me", now: stage.now)
        let keys = try await stage.call(.get, APIPath.keySet).text
        let claims = try await JWTKeyCollection().add(jwksJSON: keys).verify(token.reveal(), as: Claims.self)
        #expect(claims.sub == "me")
        #expect(claims.scope == "postern.dispatcher")
        #expect(end == stage.now.addingTimeInterval(600))
        #expect("\(token)" == "***")
    }

    @Test func passwordsLieInFilesOfTheirOwnThatOnlyTheOwnerReads() async throws {
        let stage = try await Stage()
        var kafka = settings(.scramSHA512, user: "connectors")
        kafka.tenant = .init(bootstrap: "kafka:9093", mechanism: .scramSHA256, tls: true, user: "tenant")
        let folder = StateFolder(path: stage.path)
        try Installation.configureKafka(
            kafka, files: [.password: "first-secret", .connectorPassword: "second-secret"], in: folder)
        let settings = try String(contentsOfFile: stage.path + "/installation.json", encoding: .utf8)
        #expect(!settings.contains("secret"))
        for file in [KafkaFile.password, .connectorPassword] {
            let attributes = try FileManager.default.attributesOfItem(atPath: stage.path + "/" + file.rawValue)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
        let opened = try await Installation.open(folder, now: stage.now)
        #expect(opened.settings.kafka == kafka)
        #expect(try opened.kafkaAccess()?.password?.reveal() == "first-secret")
        #expect(try opened.connectorPassword().reveal() == "second-secret")
        // A password that is not named again stays.
        kafka.replication = 1
        try Installation.configureKafka(kafka, files: [:], in: folder)
        try Installation.configureKafka(nil, files: [:], in: folder)
        #expect(!FileManager.default.fileExists(atPath: stage.path + "/" + KafkaFile.password.rawValue))
        #expect(try await Installation.open(folder, now: stage.now).settings.kafka == nil)
    }

    @Test func settingsThatCannotWorkAreRefusedInWords() async throws {
        let stage = try await Stage()
        let folder = StateFolder(path: stage.path)
        func text(_ files: [KafkaFile: String] = [:], _ change: (inout KafkaSettings) -> Void) -> String {
            var kafka = KafkaSettings(bootstrap: "kafka:9092")
            change(&kafka)
            do {
                try Installation.configureKafka(kafka, files: files, in: folder)
                return "taken"
            } catch let error as EnrollmentServiceError {
                return error.message
            } catch { return "\(error)" }
        }
        #expect(text { $0.tenant.bootstrap = "kafka" }.contains("host:port"))
        #expect(text { $0.tenant.bootstrap = "kafka:0" }.contains("host:port"))
        #expect(text { $0.tenant.bootstrap = "kafka:9092,," }.contains("host:port"))
        #expect(text { $0.tenant.bootstrap = "http://kafka:9092" }.contains("host:port"))
        #expect(text { $0.layout.prefix = "a b" }.contains("prefix"))
        #expect(text { $0.replication = 0 }.contains("replication"))
        #expect(text { $0.tenant.mechanism = .mutualTLS }.contains("TLS"))
        #expect(text { ($0.tenant.mechanism, $0.tenant.tls) = (.mutualTLS, true) }.contains("--kafka-cert"))
        #expect(text { $0.connectors.mechanism = .oauthBearer }.contains("TLS"))
        #expect(text { ($0.tenant.mechanism, $0.tenant.user) = (.plain, "me") }.contains("TLS"))
        #expect(text { $0.tenant.mechanism = .scramSHA512 }.contains("user"))
        #expect(
            text { ($0.tenant.mechanism, $0.tenant.user) = (.scramSHA512, "me") }.contains("--kafka-password-file"))
        #expect(
            text { ($0.connectors.mechanism, $0.connectors.user) = (.scramSHA512, "me") }
                .contains("--connector-password-file"))
        #expect(text { $0.connectors.properties = ["plugin.library.paths": "/tmp/x.so"] }.contains("plugin"))
        #expect(text { $0.connectors.properties = ["sasl.kerberos.kinit.cmd": "id"] }.contains("kinit"))
        #expect(text([.authorities: "no PEM"]) { $0.tenant.tls = true }.contains("PEM"))
        #expect(text { $0.tenant.user = "me" }.contains("takes no user"))
        #expect(text { $0.tenant.bootstrap = "[::1]:9092,127.0.0.1:1" } == "taken")
    }
}
