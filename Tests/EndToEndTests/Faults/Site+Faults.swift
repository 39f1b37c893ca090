import Foundation
import LinkFaults
import Testing

/// A site whose connectors each have a network path of their own that can be spoiled.
extension Site {
    /// How a connector of the fault tests is set up.
    struct ConnectorSettings {
        var inFlight = 256
        var drain = "10s"
        /// How far its wall clock is ahead, in seconds.
        var clock: Int?
        var environment: [String: String] = [:]
    }

    /// Builds a site with connectors behind paths of their own; all of it ends with the test.
    static func withPaths(
        _ names: [String], _ settings: ConnectorSettings = ConnectorSettings(), onKafka: Bool = FaultTable.isOnKafka,
        _ body: (Site) async throws -> Void
    ) async throws {
        try await with(logLevel: "info", initOptions: onKafka ? GivenCluster.options() : []) { site in
            for name in names { try await site.addBehindPath(name, settings) }
            try await site.waitUntilOnline(names.count)
            try await body(site)
            // Nobody waits any more: there is no need for a farewell.
            for program in Array(site.connectors.values) + [site.tenant].compactMap({ $0 }) where program.isRunning {
                program.signal(SIGKILL)
            }
        }
    }

    /// Registers a connector through a path of its own, and runs it.
    func addBehindPath(_ name: String, _ settings: ConnectorSettings = ConnectorSettings()) async throws {
        let path = try await FaultProxy(to: port)
        paths[name] = path
        let secret = try #require(try await enroll().secret)
        let registered = try await Program.run(
            "postern",
            [
                "register", "--url", "https://localhost:\(path.port)", "--account", "gw", "--secret-env",
                "POSTERN_TEST_SECRET", "--ca-pin", pin, "--state-dir", state(name), "--name", name,
            ], in: folder, environment: ["POSTERN_TEST_SECRET": secret])
        try #require(registered.status == 0, "register: \(registered.output)\(registered.errors)")
        try write(
            """
            limits: {in_flight: \(settings.inFlight), drain: \(settings.drain)}
            services:
              app:
                kind: http
                target: http://127.0.0.1:\(service.port)/via/\(name)
                timeout: 600s
                allow:
                  - {methods: ["*"], paths: ["/open/**"]}
            """, to: "\(name).yaml")
        try start(name, clock: settings.clock, environment: settings.environment)
    }

    /// Runs a connector that was added; again, once its process has ended.
    func start(_ name: String, clock: Int? = nil, environment: [String: String] = [:]) throws {
        let wrong = clock.map { ["LD_PRELOAD": clockLibrary, "WRONG_CLOCK_SECONDS": "\($0)"] } ?? [:]
        try run(name, configuration: "\(name).yaml", environment: environment.merging(wrong) { $1 })
    }

    /// The library that gives a process another wall clock; made by `makeClockLibrary`.
    var clockLibrary: String { path("wrong_clock.so") }

    /// Compiles that library by the toolchain's own C compiler.
    func makeClockLibrary() async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        let source = root.appending(path: "ops/lib/wrong_clock.c").standardizedFileURL.path
        let made = try await Program.run(
            "env", ["clang", "-shared", "-fPIC", "-O1", "-o", clockLibrary, source], in: folder)
        try #require(made.status == 0, "clang: \(made.errors)")
    }

    /// Ends a program of the site and waits for that.
    func end(_ name: String, by number: Int32 = SIGTERM) async {
        connectors[name]?.signal(number)
        _ = await connectors[name]?.wait()
    }

    /// Freezes a connector, and waits until it stands still: on a busy machine a signal takes its time.
    func freeze(_ name: String) async throws {
        let program = try #require(connectors[name])
        program.signal(SIGSTOP)
        try await waitUntil("\(name) stands still", within: .seconds(5)) {
            let status = try String(contentsOfFile: "/proc/\(program.pid)/status", encoding: .utf8)
            return status.contains("State:\tT")
        }
    }

    /// Kills the tenant as a power cut would, and waits until it is gone.
    func killTenant() async {
        tenant?.signal(SIGKILL)
        _ = await tenant?.wait()
    }

    /// Checks the tenant's databases.
    func expectDatabasesWhole(_ location: SourceLocation = #_sourceLocation) async throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: tenantFolder).filter { $0.hasSuffix(".sqlite") }
        #expect(!files.isEmpty, sourceLocation: location)
        for file in files {
            let check = try await Program.run(
                "sqlite3", [tenantFolder + "/" + file, "PRAGMA integrity_check"], in: folder)
            #expect(check.output == "ok\n", "\(file): \(check.output)", sourceLocation: location)
        }
    }
}
