internal import CertificateAuthority
internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import TenantPort

/// Who is in and who is out: freezing, approval, and the list of revoked certificates.
extension EnrollmentServer {
    func addStandings(to list: inout RouteList) {
        administrator(.post, APIPath.freezeConnector, in: &list) { call, administrator, scope in
            let id = try call.parameter("id")
            let reason = try await call.body(ReasonRequest.self).reason
            try await scope.freezeConnector(id, reason: reason, at: call.now) {
                self.announce(.frozen, id, of: administrator.tenant)
                Self.note("Connector frozen", id, administrator, call)
            }
            return call.answer()
        }
        administrator(.post, APIPath.unfreezeConnector, in: &list) { call, administrator, scope in
            let id = try call.parameter("id")
            _ = try await call.body(EmptyRequest.self)
            try await scope.unfreezeConnector(id) {
                self.announce(.active, id, of: administrator.tenant)
                Self.note("Connector let in again", id, administrator, call)
            }
            return call.answer()
        }
        administrator(.get, APIPath.pendingConnectors, in: &list) { call, _, scope in
            try call.answer(try await scope.pendingConnectors(at: call.now))
        }
        administrator(.post, APIPath.approveConnector, in: &list) { call, administrator, scope in
            let id = try call.parameter("id")
            _ = try await call.body(EmptyRequest.self)
            try await scope.approveConnector(id, at: call.now)
            Self.note("Registration approved", id, administrator, call)
            return call.answer()
        }
        administrator(.post, APIPath.rejectConnector, in: &list) { call, administrator, scope in
            let id = try call.parameter("id")
            try await scope.rejectConnector(id, reason: try await call.body(ReasonRequest.self).reason, at: call.now)
            Self.note("Registration rejected", id, administrator, call)
            return call.answer()
        }
    }

    /// The certificates that are revoked, for those who do not ask on every request (RFC 5280, RFC 2585).
    func revocationList(_ call: Call) async throws -> Response {
        let list = try await revocations.list(of: installation, at: call.now)
        return Response(
            status: .ok,
            headers: [
                .contentType: "application/pkix-crl", .cacheControl: "max-age=\(RevocationListSource.freshness)",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: list.der)))
    }
}
