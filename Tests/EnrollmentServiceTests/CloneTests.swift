import EnrollmentProtocol
import Foundation
import MachineIdentity
import Synchronization
import Testing

@testable import EnrollmentService

/// A state folder that was copied: whoever of the two renews second is found, and both are shut out.
@Suite struct CloneTests {
    enum Order: String, CaseIterable {
        case copyFirst = "the copy renews first"
        case originalFirst = "the original renews first"
        case beforeFirstUse = "both renew before anybody has used a new certificate"
    }

    @Test(arguments: Order.allCases) func twoHoldersAreFoundAtTheSecondRenewal(_ order: Order) async throws {
        let stage = try await Stage()
        let original = try await stage.register(of: stage.acme)
        let copy = original
        let neighbour = try await stage.register(of: stage.acme)
        let frozen = Mutex<[String]>([])
        stage.service.onStandingChanged { _, connector, standing in
            guard standing == .frozen else { return }
            frozen.withLock { $0.append(connector) }
        }

        let winner = try await stage.renew(order == .copyFirst ? copy : original)
        if order != .beforeFirstUse { #expect(try await stage.verdict(on: winner) == nil) }
        let late = try await stage.askToRenew(order == .copyFirst ? original : copy, key: MachineKey())
        #expect(late.problem == .cloneSuspected, "\(order.rawValue): \(late.text)")

        #expect(try await stage.verdict(on: winner) == .connectorFrozen)
        #expect(try await stage.verdict(on: original) == .connectorFrozen)
        #expect(try await stage.askToRenew(winner, key: MachineKey()).problem == .connectorFrozen)
        #expect(try await stage.askToRenew(original, key: winner.key).problem == .connectorFrozen)
        for machine in [winner, original] {
            let assertion = try Assertion(of: machine, at: stage.now).text(signedBy: machine.key)
            #expect(try await stage.assert(assertion).status == 401)
        }
        let seen = try await stage.connector(original)
        #expect(seen.state == .frozen)
        #expect(seen.generation == 2)
        #expect(seen.freezeReason?.contains("clone suspected") == true)
        #expect(frozen.withLock { $0 } == [original.id])
        #expect(try await stage.verdict(on: neighbour) == nil)
    }

    @Test func aCopyIsFoundYearsOfRenewalsLater() async throws {
        let stage = try await Stage()
        let original = try await stage.register(of: stage.acme)
        var machine = original
        for _ in 1...5 { machine = try await stage.renew(machine) }
        #expect(try await stage.verdict(on: machine) == nil)
        #expect(try await stage.verdict(on: original) == .staleGeneration)
        #expect(try await stage.connector(original).state == .active)
        #expect(try await stage.askToRenew(original, key: MachineKey()).problem == .cloneSuspected)
        #expect(try await stage.verdict(on: machine) == .connectorFrozen)
    }

    @Test func ofManyAtOnceWithOneCertificateNoTwoStayIn() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
            for _ in 0..<20 { group.addTask { try await stage.askToRenew(machine, key: MachineKey()) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count { $0.status == 200 } == 1)
        #expect(answers.count { $0.problem == .cloneSuspected } >= 1)
        #expect(
            answers.allSatisfy { [nil, .cloneSuspected, .connectorFrozen].contains($0.problem) })
        #expect(try await stage.connector(machine).generation == 2)
        #expect(try await stage.verdict(on: machine) == .connectorFrozen)
    }

    @Test func oneRequestRepeatedAtOnceIsNoClone() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let key = MachineKey()
        let bodies = try await withThrowingTaskGroup(of: Answer.self) { group in
            for _ in 0..<20 { group.addTask { try await stage.askToRenew(machine, key: key) } }
            return try await group.reduce(into: Set<Data>()) { $0.insert($1.body) }
        }
        #expect(bodies.count == 1)
        #expect(try await stage.connector(machine).state == .active)
        #expect(try await stage.connector(machine).generation == 2)
    }
}
