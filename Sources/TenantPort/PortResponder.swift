public import HTTPTypes
internal import Hummingbird
internal import Logging
internal import HTTPProblems

/// Stands around the router: gives every answer its request id, logs it, and tells a wrong method from a wrong path.
struct PortResponder: HTTPResponder {
    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    let router: RouterResponder<PortContext>
    let requests = RequestGauge()

    func respond(to request: Request, context: PortContext) async throws -> Response {
        requests.begin()
        defer { requests.end() }
        let start = ContinuousClock.now
        var response = try await router.respond(to: request, context: context)
        if response.status == .notFound, context.endpointPath == ProblemMiddleware.noEndpoint {
            response = try await explainMissingRoute(request, context: context)
        }
        if request.method == .head { response = response.createHeadResponse() }
        // The dispatcher names a relayed request itself; all others go by the port's own id.
        if response.headers[.posternRequestID] == nil { response.headers[.posternRequestID] = context.requestID }
        context.logger.log(
            level: response.status.kind == .serverError ? .info : .debug, "Request answered",
            metadata: [
                "method": "\(request.method.rawValue)", "path": "\(Self.ownPath(of: request, context))",
                "status": "\(response.status.code)", "client": "\(context.clientAddress)",
                "milliseconds": "\((ContinuousClock.now - start) / .milliseconds(1))",
            ])
        return response
    }

    /// The path as far as it is the port's own: what follows is relayed, and is in no log.
    private static func ownPath(of request: Request, _ context: PortContext) -> String {
        guard let endpoint = context.endpointPath, endpoint.hasSuffix("/**") else { return request.uri.path }
        let own = request.uri.path.split(separator: "/").prefix(endpoint.split(separator: "/").count - 1)
        return "/" + own.joined(separator: "/") + "/**"
    }

    private func explainMissingRoute(_ request: Request, context: PortContext) async throws -> Response {
        var allowed: [String] = []
        for method in Self.methods {
            var head = request.head
            head.method = method
            var probe = context
            probe.coreContext.endpointPath = EndpointPath()
            probe.isProbe = true
            let answer = try? await router.respond(
                to: Request(head: head, body: RequestBody(buffer: ByteBuffer())), context: probe)
            if answer?.status == .noContent { allowed.append(method.rawValue) }
        }
        guard !allowed.isEmpty else {
            return try ProblemResponse(.notFound(path: request.uri.path)).response(from: request, context: context)
        }
        let list = allowed.joined(separator: ", ")
        return try ProblemResponse(
            .methodNotAllowed(request.method.rawValue, allowed: list), headers: [.allow: list]
        ).response(from: request, context: context)
    }
}

extension HTTPField.Name {
    /// Names the request in every answer: `Postern-Request-Id`.
    public static let posternRequestID: HTTPField.Name = {
        guard let name = HTTPField.Name("Postern-Request-Id") else {
            preconditionFailure("the literal is a valid field name")
        }
        return name
    }()
}
