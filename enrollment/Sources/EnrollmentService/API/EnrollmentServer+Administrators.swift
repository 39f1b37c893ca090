internal import EnrollmentProtocol
internal import Foundation
internal import Hummingbird
internal import Logging
internal import TenantPort

/// Administration of those who administer.
extension EnrollmentServer {
    func addAdministrators(to list: inout RouteList) {
        administrator(.get, APIPath.administrators, in: &list) { call, _, scope in
            try call.answer(try await scope.administrators(try call.range()))
        }
        administrator(.post, APIPath.administrators, in: &list) { call, administrator, scope in
            let made = try await scope.createAdministrator(try await call.body(), at: call.now)
            call.record?.concerns(nil, ["name": made.name, "role": made.role.rawValue])
            Self.note("Administrator made", made.id, administrator, call)
            return try call.answer(made, status: .created, location: "\(APIPath.administrators)/\(made.id)")
        }
        administrator(.delete, APIPath.administrator, in: &list) { call, administrator, scope in
            let id = try call.parameter("id")
            try await scope.withdrawAdministrator(id)
            self.callers.invalidate()
            Self.note("Administrator withdrawn", id, administrator, call)
            return call.answer()
        }
    }
}
