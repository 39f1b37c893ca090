import BrokerCore
import Dispatcher
import Foundation
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import PlainRelay
import RelayFormat
import RelayKeys
import TenantPort
import Testing

@Suite("The description of the dispatcher's API")
struct DescriptionTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/Dispatcher/openapi.yaml")

    private func router() -> Router<PortContext> {
        let tenant = TenantID.random()
        let dispatcher = DispatchService(
            instance: .random(), broker: InMemoryBroker(), keys: TenantKeys.plain,
            configuration: .init(version: "test"),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let administrators = TestAdministrators(tenant: tenant)
        let router = Router(context: PortContext.self)
        DispatcherRoutes(
            dispatcher: dispatcher, callers: TestCallers(tenant: tenant, group: .random()),
            administrators: administrators
        ).register(on: router)
        ConnectorOrderRoutes(dispatcher: dispatcher, administrators: administrators).register(on: router)
        return router
    }

    @Test("every route is described, and every description is a route")
    func routes() throws {
        let methods: Set = ["get", "head", "post", "put", "patch", "delete", "options"]
        var described: [String] = []
        var path = ""
        for line in try String(contentsOf: Self.file, encoding: .utf8).split(separator: "\n") {
            if let match = line.firstMatch(of: /^  (\/\S*):$/) { path = String(match.1) }
            if line.hasPrefix("components:") { break }
            if let match = line.firstMatch(of: /^    ([a-z]+):$/), methods.contains(String(match.1)) {
                described.append("\(match.1.uppercased()) \(path)")
            }
        }
        let registered = router().routes.map { route in
            let path = "\(route.path)".replacing("**", with: "{path}")
                .replacing(/:([a-z]+)/) { "{\($0.1)}" }
            return "\(route.method.rawValue) \(path)"
        }
        #expect(described.sorted() == registered.sorted())
        #expect(described.count > 25)
    }

    @Test("it is served as it stands in the file")
    func served() async throws {
        let content = try Data(contentsOf: Self.file)
        try await Application(router: router()).test(.router) { client in
            try await client.execute(uri: "/dispatcher.yaml", method: .get) { answer in
                #expect(answer.status == .ok)
                #expect(answer.headers[.contentType] == "application/yaml")
                #expect(Data(answer.body.readableBytesView) == content)
            }
        }
    }
}
