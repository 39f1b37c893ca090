internal import ArgumentParser
internal import AuditLog
internal import DispatcherProtocol
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import MachineIdentity
internal import HTTPProblems

/// The tenant's APIs, as the logged-in operator.
struct TenantAPI: Sendable {
    let http: TenantHTTPClient

    /// Opens the tenant of a login; it must be closed.
    init(_ login: Login, connections: Int = 8) throws {
        let environment = ProcessInfo.processInfo.environment
        let trust: ServerTrust = login.trustRoots.map { .installation(rootPEM: $0) } ?? .system
        http = try TenantHTTPClient(
            .init(
                endpoint: try TenantEndpoint(login.url),
                tls: ClientTLS(trust: trust, systemAuthorityFile: environment["SSL_CERT_FILE"]),
                proxies: try Self.proxies(environment), bearer: Secret(login.key), callTimeout: 620,
                connections: connections))
    }

    /// Asks the server for its root certificate and compares it with the pin, before anything secret is sent.
    static func fetchTrustRoots(url: String, pin: String) async throws -> String? {
        guard let pin = Pin(pin) ?? Pin("sha256:" + pin.lowercased()) else {
            throw CommandFailure(.usage, "--ca-pin is \"sha256:\" and 64 hexadecimal digits")
        }
        let environment = ProcessInfo.processInfo.environment
        let examination = ServerExamination(endpoint: try TenantEndpoint(url), proxies: try proxies(environment))
        switch try await examination.examine(.init(serverIssuer: nil, authority: pin)).trust {
        case .installation(let pem): return pem
        case .file, .system: return nil
        }
    }

    private static func proxies(_ environment: [String: String]) throws -> ProxySettings {
        try ProxySettings(
            httpsProxy: environment["HTTPS_PROXY"] ?? environment["https_proxy"],
            noProxy: environment["NO_PROXY"] ?? environment["no_proxy"])
    }

    /// Opens the tenant of the stored login for as long as `body` takes.
    static func loggedIn<Result>(_ body: (TenantAPI) async throws -> Result) async throws -> Result {
        try await TenantAPI(Login.load()).closing(body)
    }

    /// Closes the connections when `body` has ended.
    func closing<Result>(_ body: (TenantAPI) async throws -> Result) async throws -> Result {
        do {
            let result = try await body(self)
            await http.shutdown()
            return result
        } catch {
            await http.shutdown()
            throw error
        }
    }

    // MARK: Administration

    func get<Answer: Decodable>(_ path: String, _ names: [String: String] = [:]) async throws -> Answer {
        try await http.call("GET", path.filled(with: names))
    }

    func post<Answer: Decodable>(
        _ path: String, _ names: [String: String], _ body: some EnrollmentRequest
    ) async throws -> Answer {
        try await http.call("POST", path.filled(with: names), body: body)
    }

    func post<Answer: Decodable>(_ path: String, _ body: some EnrollmentRequest) async throws -> Answer {
        try await http.call("POST", path, body: body)
    }

    /// Does something that has no answer but that it is done.
    func post(_ path: String, _ names: [String: String], _ body: some EnrollmentRequest) async throws {
        try await http.call("POST", path.filled(with: names), body: body)
    }

    func delete(_ path: String, _ names: [String: String]) async throws {
        try await http.call("DELETE", path.filled(with: names))
    }

    /// Reads all pages of a list.
    func list<Item: Codable & Sendable>(_ path: String, _ names: [String: String] = [:]) async throws -> [Item] {
        var items: [Item] = []
        var query = ""
        while true {
            let page: Page<Item> = try await http.call("GET", path.filled(with: names) + query)
            items += page.items
            guard let next = page.next else { return items }
            query = "?after=" + next.percentEncoded
        }
    }

    // MARK: Calls

    /// Who of a group is there, as the dispatcher sees it.
    func presence(of group: String) async throws -> GroupPresence {
        try await http.call("GET", "/v1/groups/\(group.percentEncoded)/presence")
    }

    /// Calls a service.
    ///
    /// - Throws: the problem with which the dispatcher answered in place of the service.
    func call(_ call: ServiceCall) async throws -> ServiceAnswer {
        var headers = call.headers.map { (name: $0.0, value: $0.1) }
        if let deadline = call.deadline { headers.append((RelayHeaders.deadline, deadline)) }
        if let requestClass = call.requestClass { headers.append((RelayHeaders.requestClass, requestClass)) }
        let response = try await http.exchange(
            call.method, "/v1/groups/\(call.group.percentEncoded)/services/\(call.service.percentEncoded)\(call.path)",
            headers: headers, body: call.body.isEmpty ? nil : call.body)
        if response.header("content-type") == ProblemDetails.mediaType, let problem = response.problem,
            problem.type.hasPrefix(ProblemDetails.typePrefix)
        {
            throw problem
        }
        return ServiceAnswer(
            status: response.status, headers: response.headers.map { ($0.name, $0.value) }, body: response.body)
    }
}

extension String {
    /// Fills the `{…}` of an API path in.
    fileprivate func filled(with names: [String: String]) -> String {
        names.reduce(self) { path, name in
            path.replacingOccurrences(of: "{\(name.key)}", with: name.value.percentEncoded)
        }
    }

    /// The text as one segment of a path.
    var percentEncoded: String {
        addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~"))) ?? self
    }
}

extension Date {
    /// The time for people: UTC, to the second.
    var brief: String { formatted(.iso8601) }
}

extension AsyncParsableCommand {
    /// Runs a command and turns what it throws into a text for people and an exit code for scripts.
    func report(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let failure as CommandFailure {
            try Self.end(failure.code, failure.description)
        } catch let problem as ProblemDetails {
            let request = problem.instance.map { " (request \($0))" } ?? ""
            try Self.end(.callFailed, "\(problem.code): \(problem.detail)\(request)")
        } catch let finding as AuditVerifier.Finding {
            try Self.end(.rewritten, "the audit log is not what it was: \(finding)")
        } catch let error as EnrollmentClientError {
            let advice = error.advice.isEmpty ? "" : " \(error.advice)"
            try Self.end(error.exitCode, "\(error.message)\(advice)")
        }
    }

    private static func end(_ code: CommandFailure.Code, _ text: String) throws {
        FileHandle.standardError.write(Data("error: \(text)\n".utf8))
        throw ExitCode(code.rawValue)
    }
}

extension EnrollmentClientError {
    fileprivate var exitCode: CommandFailure.Code {
        switch code {
        case .refused, .rejected, .secretRefused: .refused
        case .invalidURL, .invalidProxy, .invalidAuthorityFile: .usage
        case .unexpectedAnswer: .unexpected
        default: .network
        }
    }
}
