internal import DispatcherProtocol
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import HTTPProblems

/// Connectors: as the registry has them, and as the dispatcher sees them.
extension TenantAPI {
    /// How the connectors stand, by their ids; empty where no dispatcher can say.
    func presence() async throws -> [String: ConnectorPresence] {
        let response = try await http.exchange("GET", "/v1/presence")
        // A tenant whose dispatcher is elsewhere.
        if response.status == 404 { return [:] }
        if let problem = response.problem, response.status >= 400 { throw problem }
        let presence = try JSONDecoder().decode(TenantPresence.self, from: Data(response.body))
        return Dictionary(presence.connectors.map { ($0.connector, $0) }) { first, _ in first }
    }

    /// Finds a registered connector by its id or its name.
    func connector(_ name: String) async throws -> ConnectorAnswer {
        let connectors: [ConnectorAnswer] = try await list(APIPath.connectors)
        if let connector = connectors.first(where: { $0.id == name }) { return connector }
        var named = connectors.filter { $0.displayName == name }
        if named.count > 1 { named = named.filter { $0.state == .active } }
        guard let connector = named.first, named.count == 1 else {
            throw CommandFailure(
                .refused,
                named.isEmpty
                    ? "there is no connector with the id or name \"\(name)\"; 'posternctl connectors list' shows all"
                    : "several connectors have the name \"\(name)\"; name one by its id: "
                        + named.map(\.id).joined(separator: ", "))
        }
        return connector
    }

    /// Sends an order to a connector and waits a moment for its effect.
    ///
    /// - Parameter kind: `drain`, `pause` or `resume`.
    func order(_ kind: String, _ name: String, _ order: ConnectorOrder) async throws -> ConnectorOrderAnswer {
        let connector = try await connector(name)
        let response = try await http.exchange(
            "POST", "/v1/connectors/\(connector.id)/\(kind)", headers: [("content-type", "application/json")],
            body: Array(try JSONEncoder().encode(order)))
        if let problem = response.problem, response.status >= 400 { throw problem }
        return try JSONDecoder().decode(ConnectorOrderAnswer.self, from: Data(response.body))
    }
}
