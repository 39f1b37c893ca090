import AuditLog
import AuditStore
import EnrollmentProtocol
import Foundation
import HTTPTypes
import RequestLimits
import Testing

@testable import EnrollmentService

/// Who administers, by credentials of their own.
@Suite struct AdministratorTests {
    private func make(
        _ stage: Stage, _ name: String, _ role: AdministratorRole? = nil, by bearer: String? = nil
    ) async throws -> AdministratorAnswer {
        try await stage.call(
            .post, APIPath.administrators, bearer: bearer ?? stage.acme.administrator,
            message: AdministratorRequest(name: name, role: role)
        ).message(status: 201)
    }

    private func names(_ stage: Stage, _ bearer: String) async throws -> [String: AdministratorRole] {
        let page: Page<AdministratorAnswer> = try await stage.call(.get, APIPath.administrators, bearer: bearer)
            .message()
        #expect(page.items.allSatisfy { $0.credential == nil })
        return Dictionary(uniqueKeysWithValues: page.items.map { ($0.name, $0.role) })
    }

    @Test func anotherAdministratorMayDoAllUntilItIsWithdrawn() async throws {
        let stage = try await Stage()
        let second = try await make(stage, "second")
        let credential = try #require(second.credential)
        let self2: WhoAmIAnswer = try await stage.call(.get, APIPath.whoAmI, bearer: credential).message()
        #expect(self2.id == second.id && self2.role == .administrator && self2.tenant.slug == "acme")
        #expect(try await names(stage, credential) == ["admin": .administrator, "second": .administrator])
        let group = try await stage.call(
            .post, APIPath.groups, bearer: credential, message: GroupRequest(name: "site"))
        #expect(group.status == 201)
        #expect(try await stage.service.callers.caller(forKey: credential) != nil)
        let again = try await stage.call(
            .post, APIPath.administrators, bearer: credential, message: AdministratorRequest(name: "second"))
        #expect(again.problem == .alreadyExists)

        let gone = try await stage.call(
            .delete, "\(APIPath.administrators)/\(second.id)", bearer: stage.acme.administrator)
        #expect(gone.status == 204)
        #expect(try await stage.call(.get, APIPath.groups, bearer: credential).problem == .invalidCredentials)
        #expect(try await stage.service.callers.caller(forKey: credential) == nil)
        #expect(try await stage.service.administrators.administrator(forCredential: credential) == nil)
        let missing = try await stage.call(
            .delete, "\(APIPath.administrators)/\(second.id)", bearer: stage.acme.administrator)
        #expect(missing.problem == .notFound)
    }

    @Test func theLastOneThatMayChangeAnythingStays() async throws {
        let stage = try await Stage()
        _ = try await make(stage, "looker", .auditor)
        let own: WhoAmIAnswer = try await stage.call(.get, APIPath.whoAmI, bearer: stage.acme.administrator).message()
        let path = "\(APIPath.administrators)/\(own.id)"
        #expect(try await stage.call(.delete, path, bearer: stage.acme.administrator).problem == .inUse)
        let second = try #require(try await make(stage, "second").credential)
        #expect(try await stage.call(.delete, path, bearer: stage.acme.administrator).status == 204)
        #expect(try await names(stage, second) == ["looker": .auditor, "second": .administrator])
    }

    /// Every route of administration: those that ask answer, those that change do not, and the log names who tried.
    @Test func anAuditorLooksAtEverythingAndChangesNothing() async throws {
        let stage = try await Stage()
        let machine = try await stage.register("gw", of: stage.acme)
        let auditor = try await make(stage, "looker", .auditor)
        let credential = try #require(auditor.credential)
        let before = try await stage.call(.get, APIPath.connectors, bearer: credential).text
        for route in stage.service.routes().routes {
            let isAdministration = AuditedRoute(route.method, route.path).limit == .administration
            guard isAdministration, route.path != APIPath.enrollment else { continue }
            let path = route.path.replacing("{account}", with: "gw").replacing("{group}", with: "site")
                .replacing("{name}", with: "hook").replacing("{id}", with: machine.id)
            let answer = try await stage.call(
                route.method, path, bearer: credential, body: route.method == .post ? "{}" : nil)
            if route.method == .get {
                #expect([200, 400, 404].contains(answer.status), "\(route.method) \(path) \(answer.text)")
            } else {
                #expect(answer.problem == .notPermitted, "\(route.method) \(path) \(answer.text)")
            }
        }
        #expect(try await stage.call(.get, APIPath.connectors, bearer: credential).text == before)
        #expect(try await stage.service.callers.caller(forKey: credential) == nil)
        let seen = try #require(try await stage.service.administrators.administrator(forCredential: credential))
        #expect(seen.mayReadRequests && !seen.mayChangeRequests && !seen.mayDrainConnectors)

        let audit = stage.installation.audit
        await audit.sweep(isLast: true)
        try await audit.record([], in: stage.acme.tenant.id)
        let rows = try await audit.file.entries(
            of: stage.acme.tenant.id, from: 0, limit: 1000, matching: .init(actor: auditor.id))
        #expect(rows.contains { $0.event.action == "connectors.revoke" && $0.event.outcome == .refused })
        #expect(rows.allSatisfy { $0.event.actor.name == "looker" && $0.event.outcome == .refused })
    }

    @Test func thereIsABoundOfAdministrators() async throws {
        let stage = try await Stage()
        for number in 1..<TenantScope.mostAdministrators { _ = try await make(stage, "a\(number)") }
        let beyond = try await stage.call(
            .post, APIPath.administrators, bearer: stage.acme.administrator, message: AdministratorRequest(name: "z"))
        #expect(beyond.problem == .limitReached)
        for name in ["", "Upper", "a b"] {
            let wrong = try await stage.call(
                .post, APIPath.administrators, bearer: stage.acme.administrator,
                message: AdministratorRequest(name: name))
            #expect(wrong.problem == .malformedRequest)
        }
    }
}
