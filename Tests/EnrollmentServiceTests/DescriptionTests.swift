import EnrollmentProtocol
import Foundation
import HTTPTypes
import Testing
import Yams

@testable import EnrollmentService

@Suite struct DescriptionTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../enrollment")

    @Test func everyRouteIsDescribedAndEveryDescriptionIsARoute() async throws {
        let stage = try await Stage()
        let text = try String(contentsOf: Self.folder.appending(path: "openapi.yaml"), encoding: .utf8)
        let document = try #require(try Yams.load(yaml: text) as? [String: Any])
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        let described = paths.flatMap { path, operations in
            operations.keys.filter { $0 != "parameters" }.map { "\($0.uppercased()) \(path)" }
        }
        let registered = stage.service.routes().routes.map { "\($0.method.rawValue) \($0.path)" }
        #expect(described.sorted() == registered.sorted())
    }

    @Test func theDescriptionIsServedAsItStandsInTheFile() async throws {
        let stage = try await Stage()
        let answer = try await stage.call(.get, APIPath.description)
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "application/yaml")
        #expect(answer.body == (try Data(contentsOf: Self.folder.appending(path: "openapi.yaml"))))
    }

    @Test func theCompiledRolesAreTheFile() throws {
        let file = try Data(contentsOf: Self.folder.appending(path: "profiles/roles.json"))
        #expect(try JSONDecoder().decode(RoleRights.self, from: file) == .standard)
    }
}
