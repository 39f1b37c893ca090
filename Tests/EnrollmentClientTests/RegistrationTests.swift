import EnrollmentClient
import EnrollmentProtocol
import Foundation
import IdentityStore
import MachineIdentity
import Testing

@Suite final class RegistrationTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "postern-reg-\(UUID().uuidString)").path
    private let installation: TestInstallation
    private var store: FolderIdentityStore { FolderIdentityStore(path: folder) }

    init() throws { installation = try TestInstallation() }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func serve(_ tenant: TestTenant) async throws -> TestServer {
        try await TestServer(
            chain: installation.chain, key: installation.serverKey, clientRoot: installation.root
        ) { tenant.answer($0) }
    }

    private func register(
        _ invitation: Invitation, isRehearsal: Bool = false, at now: Date = Date()
    ) async throws -> (Registration.Outcome, [RegistrationStep]) {
        var steps: [RegistrationStep] = []
        let outcome = try await Registration(
            RegistrationRequest(invitation, displayName: "a test"), store: store, proxies: .none, authorityFile: nil,
            version: "1"
        ).run(isRehearsal: isRehearsal, now: now) { steps.append($0) }
        return (outcome, steps)
    }

    private func expectFailure(_ code: EnrollmentClientError.Code, _ invitation: Invitation, at now: Date = Date())
        async
    {
        do {
            _ = try await register(invitation, at: now)
            Issue.record("no error was thrown")
        } catch {
            #expect((error as? EnrollmentClientError)?.code == code, "\(error)")
        }
    }

    @Test func aMachineRegistersOnceAndIsThenRecognised() async throws {
        let tenant = TestTenant(installation)
        let server = try await serve(tenant)
        let invitation = try tenant.invitation(port: server.port)
        let (outcome, steps) = try await register(invitation)
        guard case .registered(let identity) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(steps.count == 7)
        #expect(identity.record.groups.map(\.name) == ["site-a"])
        #expect(identity.certificates.count == 3)
        #expect(try store.load()?.record.connectorID == "one")
        #expect(server.received.map(\.path).suffix(2) == [APIPath.heartbeat, APIPath.ownState])
        #expect(server.received.last?.clientCertificate == identity.certificates[0])

        let before = server.received.count
        guard case .alreadyRegistered(let again) = try await register(invitation).0 else {
            Issue.record("not recognised")
            return
        }
        #expect(again.record.connectorID == "one" && server.received.count == before)
        let other = TestTenant(installation)
        await expectFailure(.alreadyRegistered, try other.invitation(port: server.port))
        await server.stop()
    }

    @Test func aRehearsalUsesNeitherTheSecretNorMakesAKey() async throws {
        let tenant = TestTenant(installation)
        let server = try await serve(tenant)
        let (outcome, steps) = try await register(tenant.invitation(port: server.port), isRehearsal: true)
        guard case .rehearsed = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(steps.count == 3)
        #expect(!server.hasSeen(tenant.invitationSecret.text))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        await server.stop()
    }

    @Test func aLostAnswerIsAskedForAgainWithTheSameKey() async throws {
        let tenant = TestTenant(installation, oddities: .init(losesFirstAnswer: true))
        let server = try await serve(tenant)
        let invitation = try tenant.invitation(port: server.port)
        await expectFailure(.unavailable, invitation)
        #expect(try store.load() == nil)
        let key = try store.loadOrMakeKey()
        guard case .registered(let identity) = try await register(invitation).0 else {
            Issue.record("not registered")
            return
        }
        #expect(identity.key.fingerprint == key.fingerprint)
        await server.stop()
    }

    @Test func aUsedInvitationIsRefusedOnAnotherMachine() async throws {
        let tenant = TestTenant(installation)
        let server = try await serve(tenant)
        let invitation = try tenant.invitation(port: server.port)
        _ = try await register(invitation)
        try store.erase()
        await expectFailure(.secretRefused, invitation)
        await server.stop()
    }

    @Test func certificatesThatAreNotAsTheyMustBeAreNotSaved() async throws {
        for oddities in [
            TestTenant.Oddities(otherKey: MachineKey()), .init(account: "another"),
            .init(otherInstallation: try TestInstallation()),
        ] {
            let tenant = TestTenant(installation, oddities: oddities)
            let server = try await serve(tenant)
            await expectFailure(.unexpectedAnswer, try tenant.invitation(port: server.port))
            #expect(try store.load() == nil)
            await server.stop()
        }
    }

    @Test func anotherKeyAuthorityIsNotSaved() async throws {
        let tenant = TestTenant(installation)
        let server = try await serve(tenant)
        await expectFailure(
            .keyAuthorityPinMismatch,
            try tenant.invitation(port: server.port, keyAuthority: Pin(publicKeyDER: [1, 2, 3])))
        #expect(try store.load() == nil)
        await server.stop()
    }

    @Test func aClockThatIsFarOffIsNamed() async throws {
        let tenant = TestTenant(installation)
        let server = try await serve(tenant)
        do {
            _ = try await register(
                tenant.invitation(port: server.port), at: Date().addingTimeInterval(-86_400))
            Issue.record("no error was thrown")
        } catch let error as EnrollmentClientError {
            #expect(error.advice.contains("clock"), "\(error)")
        }
        await server.stop()
    }

    @Test func aFailedFirstHeartbeatLeavesTheMachineRegisteredAndSaysSo() async throws {
        let tenant = TestTenant(installation, oddities: .init(refusesHeartbeats: true))
        let server = try await serve(tenant)
        do {
            _ = try await register(tenant.invitation(port: server.port))
            Issue.record("no error was thrown")
        } catch let error as EnrollmentClientError {
            #expect(error.code == .unavailable)
            #expect(error.message.contains("is registered") && error.advice.contains("do not register again"))
        }
        #expect(try store.load() != nil)
        await server.stop()
    }
}
