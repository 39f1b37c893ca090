internal import EnrollmentProtocol
internal import Foundation
internal import Hummingbird
internal import Logging
internal import TenantPort

/// Administration of connectors, groups and API keys.
extension EnrollmentServer {
    func addConnectors(to list: inout RouteList) {
        administrator(.get, APIPath.connectors, in: &list) { call, administrator, scope in
            var page = try await scope.connectors(try call.range())
            let presence = await self.presence(of: administrator.tenant)
            for index in page.items.indices { page.items[index].presence = presence[page.items[index].id] }
            return try call.answer(page)
        }
        administrator(.get, APIPath.connector, in: &list) { call, administrator, scope in
            var connector = try await scope.connector(try call.parameter("id"))
            connector.presence = await self.presence(of: administrator.tenant)[connector.id]
            return try call.answer(connector)
        }
        administrator(.post, APIPath.revokeConnector, in: &list) { call, administrator, _ in
            let reason = try await call.body(ReasonRequest.self).reason
            try await self.revoke(try call.parameter("id"), of: administrator.tenant, reason: reason, call)
            return call.answer()
        }
        addStandings(to: &list)
    }

    func addGroups(to list: inout RouteList) {
        administrator(.get, APIPath.groups, in: &list) { call, _, scope in
            try call.answer(try await scope.groups(try call.range()))
        }
        administrator(.post, APIPath.groups, in: &list) { call, administrator, scope in
            let group = try await scope.createGroup(try await call.body(), at: call.now)
            self.callers.invalidate()
            Self.note("Group made", group.name, administrator, call)
            return try call.answer(group, status: .created, location: "\(APIPath.groups)/\(group.name)")
        }
        administrator(.get, APIPath.group, in: &list) { call, _, scope in
            try call.answer(try await scope.group(named: try call.parameter("group")))
        }
        administrator(.delete, APIPath.group, in: &list) { call, administrator, scope in
            let name = try call.parameter("group")
            try await scope.deleteGroup(named: name)
            self.callers.invalidate()
            Self.note("Group deleted", name, administrator, call)
            return call.answer()
        }
    }

    func addAPIKeys(to list: inout RouteList) {
        administrator(.get, APIPath.apiKeys, in: &list) { call, _, scope in
            try call.answer(try await scope.apiKeys(try call.range()))
        }
        administrator(.post, APIPath.apiKeys, in: &list) { call, administrator, scope in
            let key = try await scope.createAPIKey(try await call.body(), at: call.now)
            Self.note("API key made", key.id, administrator, call)
            return try call.answer(key, status: .created, location: "\(APIPath.apiKeys)/\(key.id)")
        }
        administrator(.delete, APIPath.apiKey, in: &list) { call, administrator, scope in
            let id = try call.parameter("id")
            try await scope.revokeAPIKey(id)
            self.callers.invalidate()
            Self.note("API key revoked", id, administrator, call)
            return call.answer()
        }
    }
}
