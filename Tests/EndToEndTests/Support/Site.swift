import AsyncHTTPClient
import Foundation
import LinkFaults
import NIOCore
import NIOHTTP1
import NIOSSL
import TestTools
import Testing

/// A tenant and a customer's network on this machine, of real processes; all of it ends with the test.
final class Site: @unchecked Sendable {
    // Changed by the test's own task alone.
    let folder: URL
    private(set) var port = 0
    private(set) var url = ""
    private(set) var pin = ""
    private(set) var tenant: Program?
    private(set) var connectors: [String: Program] = [:]
    private(set) var key = ""
    /// The token that has the connectors' keys; nil for keys in files.
    var token: SoftToken?
    /// The network paths of the connectors that have one of their own.
    var paths: [String: FaultProxy] = [:]
    let service: RecordingService
    private let logLevel: String
    /// The environment of the tenant's process.
    private let tenantEnvironment: [String: String]
    /// Further options of the tenant's `init`.
    private let initOptions: [String]
    private var client: HTTPClient?

    private init(logLevel: String, tenantEnvironment: [String: String], initOptions: [String]) throws {
        self.logLevel = logLevel
        self.tenantEnvironment = tenantEnvironment
        self.initOptions = initOptions
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("postern-e2e-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        service = RecordingService()
    }

    /// Builds a site with a group `site` and an account `gw` and hands it to a test; stops everything afterwards.
    static func with(
        connectors: [String] = [], logLevel: String = "debug", tenantEnvironment: [String: String] = [:],
        keysInToken: Bool = false, initOptions: [String] = [], _ body: (Site) async throws -> Void
    ) async throws {
        let site = try Site(logLevel: logLevel, tenantEnvironment: tenantEnvironment, initOptions: initOptions)
        do {
            if keysInToken { site.token = try SoftToken(in: site.folder.path + "/token") }
            try await site.service.start()
            try await site.startTenant()
            for name in connectors { try await site.addConnector(name) }
            if !connectors.isEmpty { try await site.waitUntilOnline(connectors.count) }
            try await body(site)
        } catch {
            await site.stop()
            site.printLogs()
            throw error
        }
        await site.stop()
        // Whoever looks for a cause wants the logs of tests that passed, too.
        if ProcessInfo.processInfo.environment["POSTERN_KEEP_SITES"] == nil {
            try? FileManager.default.removeItem(at: site.folder)
        }
    }

    // MARK: The tenant's side

    var tenantFolder: String { folder.appendingPathComponent("tenant").path }
    var environment: [String: String] { ["POSTERNCTL_CONFIG": folder.appendingPathComponent("ctl.json").path] }

    private func startTenant() async throws {
        port = try Loopback.freePort()
        url = "https://localhost:\(port)"
        let made = try await Program.run(
            "postern-tenant",
            [
                "init", "--state-dir", tenantFolder, "--host", "localhost", "--host", "127.0.0.1", "--public-url", url,
                "--admin-file", folder.appendingPathComponent("admin.key").path,
            ] + initOptions, in: folder)
        try #require(made.status == 0, "init: \(made.errors)")
        pin = try await show("ca-pin")
        try await serve()
        let login = try await ctl([
            "login", "--url", url, "--ca-pin", pin, "--key-file", folder.appendingPathComponent("admin.key").path,
        ])
        try #require(login.status == 0, "login: \(login.errors)")
        try #require(try await ctl(["groups", "create", "site"]).status == 0)
        try #require(try await ctl(["accounts", "create", "gw", "--group", "site"]).status == 0)
        let made2 = try await ctl(["apikeys", "create", "app", "--group", "site", "--quiet"])
        try #require(made2.status == 0, "apikeys: \(made2.errors)")
        key = made2.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Prints a field of the installation.
    func show(_ field: String) async throws -> String {
        try await Program.run("postern-tenant", ["show", "--state-dir", tenantFolder, "--field", field], in: folder)
            .output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Starts the tenant's process and waits until it is ready.
    func serve(environment: [String: String] = [:], options: [String] = []) async throws {
        tenant = try Program(
            "postern-tenant",
            ["serve", "--state-dir", tenantFolder, "--listen", "127.0.0.1:\(port)", "--log-level", logLevel] + options,
            in: folder, as: "tenant", environment: tenantEnvironment.merging(environment) { $1 })
        try await waitUntil("the tenant is ready", within: .seconds(20)) {
            (try? await self.http("GET", "/readyz", key: nil).status) == 200
        }
    }

    /// Runs posternctl as the administrator.
    func ctl(_ arguments: [String], input: String? = nil) async throws -> Program.Result {
        try await Program.run("posternctl", arguments, in: folder, environment: environment, input: input)
    }

    /// Makes an invitation.
    func invite(_ options: [String] = [], account: String = "gw") async throws -> String {
        let made = try await ctl(["enrollments", "create", account, "--quiet"] + options)
        try #require(made.status == 0, "enrollments: \(made.errors)")
        return made.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    // MARK: The customer's side

    func state(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Registers a connector and runs it.
    func addConnector(_ name: String) async throws {
        let registered = try await register(name, try await invite())
        try #require(registered.status == 0, "register: \(registered.output)\(registered.errors)")
        try run(name)
    }

    func register(_ name: String, _ invitation: String, _ options: [String] = []) async throws -> Program.Result {
        let key = token.map { options.contains("--key") ? [] : ["--key", $0.place] } ?? []
        return try await Program.run(
            "postern", ["register", invitation, "--state-dir", state(name), "--name", name] + key + options, in: folder,
            environment: token?.environment ?? [:])
    }

    /// Runs a registered connector, with the site's configuration unless another file is named.
    func run(_ name: String, configuration: String? = nil, environment: [String: String] = [:]) throws {
        let file = folder.appendingPathComponent(configuration ?? "connector.yaml")
        if !FileManager.default.fileExists(atPath: file.path) {
            try """
            services:
              app:
                kind: http
                target: http://127.0.0.1:\(service.port)
                allow:
                  - {methods: [GET, HEAD, POST], paths: ["/open/**"]}
              nowhere:
                kind: http
                target: http://127.0.0.1:9
                allow:
                  - {methods: [GET], paths: ["/**"]}
            """.write(to: file, atomically: true, encoding: .utf8)
        }
        let arguments = ["run", "--state-dir", state(name), "--config", file.path, "--log-level", logLevel]
        connectors[name] = try Program(
            "postern", arguments, in: folder, as: name,
            environment: environment.merging(token?.environment ?? [:]) { own, _ in own })
    }

    /// Waits until so many connectors are online in the dispatcher's eyes.
    func waitUntilOnline(_ count: Int, within limit: Duration = .seconds(20)) async throws {
        try await waitUntil("\(count) connectors are online", within: limit) {
            guard let answer = try? await self.http("GET", "/v1/groups/site/presence") else { return false }
            return answer.text.components(separatedBy: "\"standing\":\"online\"").count - 1 == count
        }
    }

    // MARK: Calls

    /// An answer of the tenant's port.
    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var text: String
        /// The code at the end of a problem's type.
        var problem: String? {
            guard let range = text.range(of: "urn:postern:problem:") else { return nil }
            return String(text[range.upperBound...].prefix { $0 != "\"" })
        }
    }

    /// Asks the tenant's port, as an application with the site's API key unless another is given.
    func http(
        _ method: String, _ path: String, key: String?? = .none, headers: [(String, String)] = [], body: String? = nil,
        timeout: TimeAmount = .seconds(60), at other: String? = nil
    ) async throws -> Answer {
        if client == nil {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(tenantFolder + "/ca.pem"))
            var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 512
            // Otherwise the client waits longer and longer before it looks again for a server that was down.
            configuration.connectionPool.retryConnectionEstablishment = false
            client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        }
        guard let client else { preconditionFailure("made above") }
        var request = HTTPClientRequest(url: (other ?? url) + path)
        request.method = HTTPMethod(rawValue: method)
        request.headers = HTTPHeaders(headers)
        if let key = key ?? self.key { request.headers.add(name: "authorization", value: "Bearer \(key)") }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await client.execute(request, timeout: timeout)
        let content = try await response.body.collect(upTo: 1 << 20)
        return Answer(status: Int(response.status.code), headers: response.headers, text: String(buffer: content))
    }

    /// Calls the recording service: a path that is counted, held for so many milliseconds or until the gate opens.
    func call(_ name: String, holding hold: String = "0", method: String = "GET") async throws -> Answer {
        try await http(method, "/v1/groups/site/services/app/open/\(name)?hold=\(hold)")
    }

    // MARK: The end

    /// Replaces a program that has ended.
    func forget(_ name: String) { connectors[name] = nil }

    private func stop() async {
        // Connectors first: their last words are heard.
        await end(Array(connectors.values))
        await end([tenant].compactMap { $0 })
        for path in paths.values { await path.stop() }
        try? await client?.shutdown()
        await service.stop()
    }

    private func end(_ programs: [Program]) async {
        for program in programs where program.isRunning {
            program.signal(SIGCONT)
            program.signal(SIGTERM)
        }
        for program in programs {
            let hard = Task {
                try await Task.sleep(for: .seconds(10))
                program.signal(SIGKILL)
            }
            _ = await program.wait()
            hard.cancel()
        }
    }

    private func printLogs() {
        for program in [tenant].compactMap({ $0 }) + connectors.values {
            print("---- \(program.errorFile.lastPathComponent)\n\(program.errors.suffix(4000))")
        }
    }
}

/// Waits until a condition holds.
func waitUntil(
    _ what: String, within limit: Duration, _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        try #require(ContinuousClock.now < end, "waited \(limit) in vain until \(what)")
        try await Task.sleep(for: .milliseconds(20))
    }
}
