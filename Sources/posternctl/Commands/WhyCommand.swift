internal import ArgumentParser
internal import DispatcherProtocol

/// `posternctl why`.
struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Tells the life of a request, hop by hop, and what it waits for now.",
        discussion: "Times are UTC, and since the request came. The id stands on every answer: Postern-Request-Id.")

    @Argument(help: "The request's id.") var id: String
    @Flag(help: "As JSON, for programs.") var json = false

    func run() async throws {
        try await report {
            try await TenantAPI.loggedIn { api in
                guard json else { return print(try await api.why(id), terminator: "") }
                var output = OutputOptions()
                output.output = .json
                try output.print(try await api.request(id), as: TextTable(facts: []))
            }
        }
    }
}
