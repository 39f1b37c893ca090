internal import ArgumentParser
internal import DispatcherProtocol
internal import Foundation

/// `posternctl call`.
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Calls a service of a group through the queue and prints its answer.",
        discussion: """
            The body of the answer goes to standard output as it is. With --include its status, its header fields and
            who answered stand before it. With --repeat the calls run side by side, and a summary is printed.
            """)

    @OptionGroup var request: ServiceRequestOptions
    @Flag(name: .shortAndLong, help: "Print status, header fields and who answered.") var include = false
    @Flag(name: .shortAndLong, help: "End with code 6 when the service answers with 400 or more.") var fail = false
    @Option(help: "Call this many times, and print a summary.") var `repeat`: Int = 1
    @Option(help: "With --repeat: how many calls at a time.") var concurrency: Int = 1
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1_000_000).contains(self.repeat), (1...10_000).contains(concurrency) else {
            throw ValidationError("--repeat is 1 to 1000000, --concurrency 1 to 10000")
        }
    }

    func run() async throws {
        try await report {
            let call = try request.call()
            let login = try request.login()
            try await TenantAPI(login, connections: concurrency).closing { api in
                if self.repeat > 1 {
                    try await repeatedly(call, at: api)
                } else {
                    try await once(call, at: api)
                }
            }
        }
    }

    private func once(_ call: ServiceCall, at api: TenantAPI) async throws {
        let answer = try await api.call(call)
        if output.output == .json {
            try output.print(answer.described, as: TextTable(facts: []))
        } else {
            var text = ""
            if include {
                text = "HTTP \(answer.status)\n" + answer.headers.map { "\($0.0): \($0.1)\n" }.joined() + "\n"
            }
            FileHandle.standardOutput.write(Data(text.utf8) + Data(answer.body))
        }
        if fail, answer.status >= 400 {
            throw CommandFailure(.serviceFailed, "the service answered with status \(answer.status)")
        }
    }

    private func repeatedly(_ call: ServiceCall, at api: TenantAPI) async throws {
        let summary = await CallSummary.gather(count: self.repeat, concurrency: concurrency) {
            try await api.call(call)
        }
        try output.print(summary, as: summary.table)
        guard summary.failed.isEmpty else {
            throw CommandFailure(.callFailed, "\(summary.failed.values.reduce(0, +)) calls were not answered")
        }
    }
}
