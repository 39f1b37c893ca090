import CertificateAuthority
import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import IdentityStore
import KeyAuthority
import Logging
import MachineIdentity
import RelayFormat
import RelaySealing
import Synchronization
import Testing

@testable import EnrollmentClient
@testable import EnrollmentService
@testable import RemoteKeyAuthority

/// The Key Authority on a machine of its own, and an enrollment service that may be in a thief's hands.
@Suite struct RemoteKeyAuthorityTests {
    typealias Lie = @Sendable (inout KeyAuthorityMembership) -> Void

    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A Key Authority as `keyauthority move` leaves it; its enrollment service may lie.
    private func move(
        _ stage: Stage, dispatcher: DispatcherMembership? = nil, key: MachineKey? = nil, lie: @escaping Lie = { _ in }
    ) async throws -> RemoteAuthority {
        let installation = stage.installation
        let moved = try await installation.authorityToMove(of: try installation.registry.tenant(slug: "acme"))
        let folder = StateFolder(path: stage.path + "/elsewhere")
        try folder.prepare()
        _ = try folder.write((key?.pem() ?? moved.keyPEM).reveal().utf8, to: moved.keyFile)
        let root = CertificatePEM.encode([moved.root])
        let settings = RemoteSettings(
            tenantURL: installation.settings.publicURL, serverTrust: .installation(rootPEM: root),
            trustDomain: installation.settings.trustDomain, root: root,
            dispatchers: moved.dispatcherKeys.map { .init(id: $0.key, identityKey: $0.value) },
            tenants: [.init(id: moved.tenant.id, slug: moved.tenant.slug, keyFile: moved.keyFile)],
            epochInterval: moved.epochInterval, epochLife: moved.epochLife)
        try settings.write(to: folder)
        #expect(try RemoteSettings.read(from: folder) == settings)
        return try RemoteAuthority(
            settings: settings, folder: folder, logger: logger, now: { stage.now },
            exchange: { method, path, headers, body in
                var fields = HTTPFields()
                for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
                let answer = try await stage.call(
                    method == "GET" ? .get : .post, path, bytes: body, type: fields[.contentType], headers: fields)
                var content = Array(answer.body)
                if answer.status == 200, path.hasPrefix(APIPath.membership) {
                    var membership = try EnrollmentJSON.decode(KeyAuthorityMembership.self, from: answer.body)
                    lie(&membership)
                    content = Array(try EnrollmentJSON.encode(membership))
                }
                return TenantResponse(status: answer.status, headers: [], body: content)
            })
    }

    private func members(_ manifest: EpochManifest?) -> Set<String> {
        Set((manifest?.core.members ?? []).map(\.id.description))
    }

    @Test func itCutsEpochsForConnectorsAndDispatcherFromAfar() async throws {
        let stage = try await Stage()
        let (one, two) = (try await stage.register(of: stage.acme), try await stage.register(of: stage.acme))
        let dispatcher = try await DispatcherMembership.open(stage.installation, logger: logger, now: { stage.now })
        try await dispatcher.register()
        let key = try await stage.handInKeys(one, of: stage.acme)
        let authority = try await move(stage)
        #expect(await !authority.advance())
        let first = try await stage.epoch(of: one)
        #expect(members(first) == [one.id, dispatcher.id.description])
        _ = try Epoch(
            opening: first, as: try #require(MemberID(one.id)), with: key,
            keyAuthority: try stage.authorityKey(of: stage.acme))
        // Nothing has changed; then somebody joins, and somebody is revoked.
        stage.advance(by: 2)
        await authority.advance()
        #expect(try await stage.epoch(of: one) == first)
        try await stage.handInKeys(two, of: stage.acme)
        await authority.advance()
        let second = try await stage.epoch(of: one)
        #expect(members(second) == [one.id, two.id, dispatcher.id.description])
        try second.core.check(after: first.core.mark)
        #expect(second.core.previous == first.core.hash)
        stage.advance(by: 1)
        #expect(try await stage.order("/v1/connectors/\(two.id)/revoke", of: stage.acme).status == 204)
        await authority.advance()
        #expect(members(try await stage.epoch(of: one)) == [one.id, dispatcher.id.description])
        // And by time alone.
        let third = try await stage.epoch(of: one)
        stage.advance(by: 12 * 3600)
        await authority.advance()
        #expect(try await stage.epoch(of: one).core.previous == third.core.hash)
    }

    @Test func theInstallationLeavesAMovedAuthorityAloneAndCanHaveItBack() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let foreign = try await stage.register(of: stage.other)
        let authority = try await move(stage)
        let acme = try stage.installation.registry.tenant(slug: "acme")
        let files = try stage.installation.keyAuthorityFiles(of: acme)
        #expect(files.count == 1)
        try stage.installation.releaseAuthority(of: acme)
        try stage.installation.releaseAuthority(of: acme)
        #expect(try stage.installation.keyAuthorityFiles(of: acme).isEmpty)
        let restarted = try await Stage(restarting: stage)
        #expect(restarted.installation.settings.authoritiesElsewhere == [acme.id])
        try await restarted.handInKeys(machine, of: stage.acme)
        try await restarted.handInKeys(foreign, of: stage.other)
        await restarted.cutEpochs()
        #expect(try await restarted.keptEpoch(of: stage.acme) == nil)
        #expect(try await restarted.keptEpoch(of: stage.other) != nil)
        await #expect(throws: EnrollmentServiceError.self) {
            try await restarted.installation.rotateKeyAuthority(of: acme, rootKeyPEM: nil, now: stage.now)
        }
        #expect(await !authority.advance())
        let first = try #require(try await restarted.keptEpoch(of: stage.acme))
        // The file comes back for a rotation, and the new key goes away again.
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: stage.path + "/elsewhere").first {
                $0.hasSuffix(".key")
            })
        try FileManager.default.copyItem(
            atPath: stage.path + "/elsewhere/" + name, toPath: stage.path + "/" + name)
        _ = try await restarted.installation.rotateKeyAuthority(of: acme, rootKeyPEM: nil, now: stage.now)
        stage.advance(by: 2)
        #expect(await authority.advance(), "the former key still counts")
        let successor = try await move(restarted)
        #expect(await !successor.advance())
        let second = try #require(try await restarted.keptEpoch(of: stage.acme))
        #expect(second.core.previous == first.core.hash)
        try second.verify(by: try restarted.authorityKey(of: stage.acme))
    }

    @Test(
        arguments: [
            "no certificate", "another's certificate", "another tenant's connector",
            "another installation's certificate",
            "other HPKE key", "other identity", "unknown dispatcher", "connector as dispatcher", "ended certificate",
        ])
    func anEnrollmentServiceThatLiesBringsNobodyIn(_ attack: String) async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let foreign = try await stage.register(of: stage.other)
        try await stage.handInKeys(machine, of: stage.acme)
        let thief = MachineKey()
        let hpke = try HPKEPrivateKey(suite: .x25519)
        let tenant = try #require(TenantID(stage.acme.tenant.id))
        let id = attack == "another tenant's connector" ? foreign.id : RegistryID.random()
        let member = try #require(MemberID(id))
        let name = try MachineName(
            trustDomain: "postern.test", tenant: "acme", account: "gw", connector: id)
        var signer = thief
        var certificate: [UInt8]?
        var role = "connector"
        switch attack {
        case "another's certificate": certificate = machine.certificate
        case "another tenant's connector":
            signer = foreign.key
            certificate = foreign.certificate
        case "another installation's certificate":
            let other = try await Stage()
            certificate = try other.installation.authority.issueMachineCertificate(
                publicKey: thief.publicKey, name: name, now: stage.now, serial: .random()
            ).der
        case "ended certificate":
            certificate = try stage.installation.authority.issueMachineCertificate(
                publicKey: thief.publicKey, name: name, now: stage.now.addingTimeInterval(-3 * 86400), serial: .random()
            ).der
        case "unknown dispatcher": role = "dispatcher"
        case "connector as dispatcher":
            role = "dispatcher"
            certificate = machine.certificate
        default: break
        }
        let statement = try HPKEKeyStatement.make(
            hpke.publicKey, tenant: tenant, member: member, signer: signer.signing)
        let added = KeyAuthorityMembership.Member(
            id: id, role: role, certificate: certificate.map { CertificatePEM.encode([$0]) },
            identityKey: Array(signer.publicKey.compressedRepresentation), hpkeKey: hpke.publicKey.rawRepresentation,
            signature: statement.signature, until: nil)
        let authority = try await move(stage) { membership in
            for place in membership.groups.indices where !membership.groups[place].members.isEmpty {
                switch attack {
                // A true member with the thief's keys.
                case "other HPKE key":
                    membership.groups[place].members[0].hpkeKey = Data(hpke.publicKey.rawRepresentation)
                case "other identity":
                    membership.groups[place].members[0].identityKey = Data(thief.publicKey.compressedRepresentation)
                default: membership.groups[place].members.append(added)
                }
            }
        }
        await authority.advance()
        let epoch = try await stage.keptEpoch(of: stage.acme)
        let isOverwritten = attack == "other HPKE key" || attack == "other identity"
        #expect(members(epoch) == (isOverwritten ? [] : [machine.id]))
    }

    @Test func nobodyElseIsTakenForTheKeyAuthority() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        try await stage.handInKeys(machine, of: stage.acme)
        // Another key in the tenant's name, and a connector's assertion.
        let stranger = try await move(stage, key: MachineKey())
        #expect(await stranger.advance())
        #expect(try await stage.keptEpoch(of: stage.acme) == nil)
        let own = try Assertion(of: machine, at: stage.now).text(signedBy: machine.key)
        for bearer in [
            own, stage.acme.administrator, try await stage.accessToken(of: machine).accessToken, "", "a.b.c",
        ] {
            let answer = try await stage.call(.get, APIPath.membership, bearer: bearer)
            #expect(answer.problem == .invalidCredentials)
            let epoch = try await stage.call(
                .post, APIPath.epochs, bearer: bearer, bytes: [1], type: "application/octet-stream")
            #expect(epoch.problem == .invalidCredentials)
        }
        // A Key Authority's assertion opens nothing else.
        let assertion = try await stage.keyAuthorityAssertion(of: stage.acme)
        #expect(try await stage.assert(assertion).status == 401)
        #expect(try await stage.call(.get, APIPath.ownState, bearer: assertion).status == 401)
        #expect(try await stage.call(.get, APIPath.membership, bearer: assertion).status == 200)
        stage.advance(by: 600)
        #expect(try await stage.call(.get, APIPath.membership, bearer: assertion).status == 401)
    }

    @Test func anEpochThatDoesNotFollowIsRefused() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        try await stage.handInKeys(machine, of: stage.acme)
        await stage.cutEpochs()
        let present = try await stage.epoch(of: machine)
        let acme = try stage.installation.registry.tenant(slug: "acme")
        let key = try stage.installation.keyAuthorityKey(of: acme)
        func bring(_ bytes: [UInt8], type: String = "application/octet-stream") async throws -> EnrollmentProblem? {
            try await stage.call(
                .post, APIPath.epochs, bearer: try await stage.keyAuthorityAssertion(of: stage.acme), bytes: bytes,
                type: type
            ).problem
        }
        func epoch(
            _ number: UInt32, previous: CoreHash, signer: MachineKey? = nil, tenant: TenantID? = nil,
            group: GroupID? = nil, at moment: Date? = nil
        ) throws -> [UInt8] {
            let begin = RelayTime(moment ?? stage.now)
            let core = try EpochCore(
                suite: .x25519, tenant: tenant ?? present.core.tenant, group: group ?? present.core.group,
                number: number, previous: previous, notBefore: begin, notAfter: begin + .seconds(60),
                members: present.core.members)
            return try EpochManifest.make(core, secret: EpochSecret(), signer: (signer ?? key).signing).encoded
        }
        let (next, hash) = (present.core.number + 1, present.core.hash)
        #expect(try await bring([1, 2, 3]) == .malformedRequest)
        #expect(try await bring(try epoch(next, previous: hash), type: "application/json") == .unsupportedMediaType)
        #expect(try await bring(try epoch(next, previous: hash, signer: MachineKey())) == .proofOfPossessionFailed)
        #expect(try await bring(try epoch(next, previous: hash, tenant: .random())) == .proofOfPossessionFailed)
        #expect(
            try await bring(try epoch(next, previous: hash, at: stage.now.addingTimeInterval(3600)))
                == .malformedRequest)
        #expect(try await bring(try epoch(present.core.number, previous: hash)) == .alreadyExists)
        #expect(try await bring(try epoch(next, previous: .none)) == .alreadyExists)
        #expect(try await bring(try epoch(next, previous: .none, group: .random())) == .alreadyExists)
        #expect(try await stage.epoch(of: machine) == present)
        let good = try epoch(next, previous: hash)
        #expect(try await bring(good) == nil)
        #expect(try await bring(good) == .alreadyExists)
        #expect(try await stage.epoch(of: machine).core.number == next)
    }
}
