import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import Testing

@testable import EnrollmentService

/// A connector that was switched off past the end of its certificate.
@Suite struct RecoveryTests {
    private static let day: TimeInterval = 86400

    @Test func onDay29ItRenewsByItsKeyAlone() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        stage.advance(by: 29 * Self.day + Self.day)
        _ = try await stage.service.tidy()
        #expect(try await stage.verdict(on: machine) == .certificateExpired)
        let token = try await stage.accessToken(of: machine)
        #expect(token.scope == .renew)
        let bearer = token.accessToken
        #expect(try await stage.call(.get, APIPath.ownState, bearer: bearer).problem == .notPermitted)
        #expect(try await stage.call(.post, APIPath.heartbeat, bearer: bearer, body: "{}").problem == .notPermitted)
        #expect(
            try await stage.call(.post, APIPath.revokeCertificate, bearer: bearer, body: "{}").problem == .notPermitted)
        let boot = QueueCredentialsRequest(bootID: String(repeating: "a", count: 26))
        #expect(
            try await stage.call(.post, APIPath.queueCredentials, bearer: bearer, message: boot).problem
                == .notPermitted)
        let renewed = try await stage.renew(machine, bearer: bearer)
        #expect(renewed.id == machine.id)
        #expect(renewed.answer.notAfter == stage.now.addingTimeInterval(Self.day))
        #expect(try await stage.verdict(on: renewed) == nil)
    }

    @Test func onDay31ItIsToldToRegisterAgain() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        stage.advance(by: 30 * Self.day + Self.day)
        #expect(try await stage.accessToken(of: machine).scope == .renew)
        stage.advance(by: Self.day)
        let answer = try await stage.assert(try Assertion(of: machine, at: stage.now).text(signedBy: machine.key))
        #expect(answer.status == 401)
        let problem = try EnrollmentJSON.decode(AccessTokenProblem.self, from: answer.body)
        #expect(problem.error == .invalidClient)
        #expect(problem.description.contains("register again"))
    }

    @Test func aTokenDoesNotOutliveTheWindow() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        stage.advance(by: 31 * Self.day - 10)
        let bearer = try await stage.accessToken(of: machine).accessToken
        stage.advance(by: 11)
        #expect(try await stage.askToRenew(machine, key: MachineKey(), bearer: bearer).problem == .certificateExpired)
    }

    @Test func aMemberTokenEndsWithTheCertificate() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        stage.advance(by: Self.day - 100)
        let token = try await stage.accessToken(of: machine)
        #expect(token.scope == .member)
        #expect(token.expiresIn == 100)
        stage.advance(by: 101)
        #expect(
            try await stage.call(.get, APIPath.ownState, bearer: token.accessToken).problem == .invalidCredentials)
    }

    @Test func anAnswerThatWasLostBeforeTheLongSleepIsNoClone() async throws {
        let stage = try await Stage()
        let first = try await stage.register(of: stage.acme)
        let second = try await stage.renew(first)  // never arrived
        stage.advance(by: 10 * Self.day)
        let bearer = try await stage.accessToken(of: first).accessToken
        let again = try await stage.askToRenew(first, key: second.key, bearer: bearer)
        #expect(try again.message(EnrollAnswer.self) == second.answer)
        let next = try await stage.accessToken(of: second)
        #expect(next.scope == .renew)
        let third = try await stage.renew(second, bearer: next.accessToken)
        #expect(third.answer.generation == 3)
        #expect(try await stage.verdict(on: third) == nil)
    }

    @Test func aCopyThatRecoversFirstIsFoundWhenTheOtherDoes() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        stage.advance(by: 5 * Self.day)
        let bearer = try await stage.accessToken(of: machine).accessToken
        let copy = try await stage.renew(machine, bearer: try await stage.accessToken(of: machine).accessToken)
        #expect(try await stage.verdict(on: copy) == nil)
        #expect(try await stage.askToRenew(machine, key: MachineKey(), bearer: bearer).problem == .cloneSuspected)
        #expect(try await stage.verdict(on: copy) == .connectorFrozen)
    }

    @Test func anOriginalThatSleptWhileItsCopyRenewedFindsTheCopy() async throws {
        let stage = try await Stage()
        let original = try await stage.register(of: stage.acme)
        var copy = try await stage.renew(original)
        for _ in 1...6 {
            #expect(try await stage.verdict(on: copy) == nil)
            stage.advance(by: 16 * 3600)
            copy = try await stage.renew(copy)
        }
        let token = try await stage.accessToken(of: original)
        #expect(token.scope == .renew)
        #expect(try await stage.call(.get, APIPath.ownState, bearer: token.accessToken).problem == .notPermitted)
        #expect(try await stage.verdict(on: copy) == nil)
        let answer = try await stage.askToRenew(original, key: MachineKey(), bearer: token.accessToken)
        #expect(answer.problem == .cloneSuspected)
        #expect(try await stage.verdict(on: copy) == .connectorFrozen)
    }

    @Test func theWindowIsASetting() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let file = stage.path + "/installation.json"
        var settings = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: file))) as? [String: Any])
        #expect(settings["recovery_days"] as? Int == 30)
        settings["recovery_days"] = 2
        try JSONSerialization.data(withJSONObject: settings).write(to: URL(filePath: file))
        let short = try await Stage(restarting: stage)
        let told = try await short.register(of: short.acme)
        #expect(machine.answer.recoveryDays == 30)
        #expect(told.answer.recoveryDays == 2, "a connector says until when it can be recovered")
        short.advance(by: 4 * Self.day)
        #expect(
            try await short.assert(try Assertion(of: machine, at: short.now).text(signedBy: machine.key)).status == 401)
        settings["recovery_days"] = nil
        try JSONSerialization.data(withJSONObject: settings).write(to: URL(filePath: file))
        #expect(try await Stage(restarting: stage).installation.settings.recoveryDays == 30)
        settings["recovery_days"] = 366
        try JSONSerialization.data(withJSONObject: settings).write(to: URL(filePath: file))
        await #expect(throws: EnrollmentServiceError(.unreadable, "")) { _ = try await Stage(restarting: stage) }
    }
}
