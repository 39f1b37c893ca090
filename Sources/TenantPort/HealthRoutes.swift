internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import HTTPProblems

/// `/healthz`: the process lives; `/readyz`: it can serve.
struct HealthRoutes {
    let readiness: @Sendable () async -> Readiness

    func add(to router: Router<PortContext>) {
        router.get("healthz") { _, _ in Self.answer("ok") }
        router.get("readyz") { [readiness] _, _ in
            switch await readiness() {
            case .ready: return Self.answer("ready")
            case .notReady(let reason): throw ProblemResponse(.notReady(reason))
            }
        }
    }

    private static func answer(_ status: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: "{\"status\":\"\(status)\"}")))
    }
}
