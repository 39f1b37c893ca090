public import ArgumentParser
internal import BrokerCore
internal import Dispatcher
internal import Foundation
public import RelayFormat

/// The calls of a benchmark: what is called, how often at a time, and for how long.
struct CallOptions: ParsableArguments {
    @Option(help: "How many seconds each row takes.") var seconds: Double = 5
    @Option(help: "The calls in flight of each row.") var inFlight: [Int] = [1, 64, 1024]
    @Option(help: "The size of a body in bytes.") var size: Int = 1024
    @Option(name: .customLong("class"), help: "The classes that are measured.")
    var classes: [RequestClass] = RequestClass.allCases

    /// Waits until calls are answered.
    func ready(
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

    /// Measures each class with each number of calls in flight.
    func measure(
        _ call: @escaping @Sendable (RequestClass) async -> Bool, with connector: Int32, named name: String = "relay"
    ) async {
        _ = await Measurement.run(inFlight: 64, lasting: .seconds(1)) { await call(.safe) }
        print(Measurement.heading)
        for requestClass in classes {
            for number in inFlight {
                let measured = await Measurement.run(
                    inFlight: number, lasting: .seconds(seconds),
                    processorTime: { ProcessorTime.own + ProcessorTime.of(connector) },
                    exchange: { await call(requestClass) })
                print(measured.row("\(name), \(requestClass)"))
            }
        }
    }

    /// Starts the connector's half.
    static func startConnector(_ place: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["connector", "--place", place]
        try process.run()
        return process
    }

    /// What a process holds in memory and in threads.
    static func footprint(of process: Int32) -> String {
        let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        func number(_ name: String) -> Int {
            Int((text.split(separator: "\n").first { $0.hasPrefix(name) } ?? "").filter(\.isNumber)) ?? 0
        }
        return "\(number("VmRSS") / 1024) MiB resident, \(number("Threads")) threads"
    }
}

extension RequestClass: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }
    public var defaultValueDescription: String { "\(self)" }
    public static var allValueStrings: [String] { allCases.map { "\($0)" } }
}
