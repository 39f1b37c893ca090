internal import ArgumentParser
internal import BrokerCore
internal import BrokerLink
internal import Dispatcher
internal import Foundation
internal import Logging
internal import PlainRelay
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import SealedRelay
internal import SQLiteBroker
internal import TenantPort

/// The tenant's half: dispatcher, embedded broker and port in this process, the connector in another.
struct TenantBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "tenant", abstract: "Measures calls end to end.")

    @Option(help: "How many seconds each row takes.") var seconds: Double = 5
    @Option(help: "The calls in flight of each row.") var inFlight: [Int] = [1, 64, 1024]
    @Option(help: "The size of a body in bytes.") var size: Int = 1024

    @Option(help: "How messages are sealed: \(SealingOption.allCases.map(\.rawValue).joined(separator: ", ")).")
    var sealing = SealingOption.x25519

    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("relay-benchmark-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var logger = Logger(label: "relay-benchmark")
        logger.logLevel = .critical

        let broker = try await DurableBroker.open(
            path: folder.appendingPathComponent("queue.sqlite").path, logger: logger)
        let certificate = try BenchmarkCertificate()
        let (tenant, group, member) = (TenantID.random(), GroupID.random(), MemberID.random())
        let authority = sealing.suite.map { TestKeyAuthority(tenant: tenant, suite: $0) }
        let dispatcher = DispatchService(
            instance: .random(), broker: broker,
            keys: { [logger] in authority?.tenantKeys(for: $0, logger: logger) ?? .plain($0) },
            configuration: .init(version: "benchmark"), logger: logger)
        let tenantDispatcher = dispatcher.tenant(tenant, named: "benchmark")
        let keys = try authority.map {
            try BenchmarkSealing(member, of: group, by: $0, suite: sealing.suite ?? .x25519)
        }
        let link = LinkServer(broker: broker, logger: logger) { credential, _ in
            LinkPrincipal(
                tenant: tenant, member: member, boot: BootID(credential.token) ?? .none, role: .connector,
                groups: [group], expiresAt: RelayClock.system.now + .seconds(3600))
        }
        let listening = Mailbox<Int>()
        let port = try PortService(
            configuration: .init(host: "127.0.0.1", port: 0, tls: certificate.tls),
            upgrade: PortUpgrade(path: "/v1/link", handler: link.accept), logger: logger,
            onListening: { listening.put(CollectionOfOne($0)) }, routes: { _ in })

        try await withThrowingTaskGroup { services in
            services.addTask { try await port.run() }
            services.addTask { await link.run() }
            services.addTask { try await broker.run() }
            services.addTask { try await dispatcher.run() }
            guard let number = await listening.take()?.first else { throw CleanExit.message("the port did not open") }
            let place = BenchmarkPlace(
                port: number, certificate: certificate.pem, tenant: "\(tenant)", group: "\(group)", member: "\(member)",
                sealing: keys)
            let file = folder.appendingPathComponent("place.json").path
            try place.write(file)
            let connector = try Self.startConnector(file)
            defer { connector.terminate() }
            let pid = connector.processIdentifier
            let call = try await ready(tenantDispatcher, group: group)
            let idle = Self.residentMemory(of: pid)
            await measure(call)
            print(
                "\nThe connector's process: \(idle) MiB resident when idle, \(Self.residentMemory(of: pid)) MiB after the run."
            )
            services.cancelAll()
        }
    }

    /// Waits until calls are answered.
    private func ready(
        _ dispatcher: TenantDispatcher, group: GroupID
    ) async throws -> @Sendable (RequestClass) async -> Bool {
        let body = [UInt8](repeating: 0x61, count: size)
        let content = HTTPRequestContent(method: "GET", target: "/", headers: [], body: body[...])
        let call: @Sendable (RequestClass) async -> Bool = { requestClass in
            let result = await dispatcher.call(
                RelayedCall(
                    group: group, service: "echo", requestClass: requestClass,
                    deadline: RelayClock.system.now + .seconds(30), operation: .http(content)))
            if case .http = result.outcome { return true }
            return false
        }
        let end = ContinuousClock.now + .seconds(30)
        while await !call(.safe) {
            guard ContinuousClock.now < end else { throw ValidationError("the connector did not come") }
            try await Task.sleep(for: .milliseconds(100))
        }
        return call
    }

    private func measure(_ call: @escaping @Sendable (RequestClass) async -> Bool) async {
        _ = await Measurement.run(inFlight: 64, lasting: .seconds(1)) { await call(.safe) }
        print(Measurement.heading)
        for requestClass in RequestClass.allCases {
            for number in inFlight {
                let measured = await Measurement.run(inFlight: number, lasting: .seconds(seconds)) {
                    await call(requestClass)
                }
                print(measured.row("relay, \(requestClass)"))
            }
        }
    }

    private static func startConnector(_ place: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["connector", "--place", place]
        try process.run()
        return process
    }

    private static func residentMemory(of process: Int32) -> String {
        let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS") } ?? ""
        let kibibytes = Int(line.filter(\.isNumber)) ?? 0
        return "\(kibibytes / 1024)"
    }
}
