internal import ArgumentParser
internal import DispatcherProtocol
internal import RelayFormat

/// Drain, pause and resume, ordered from the tenant.
extension ConnectorsCommand {
    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets a connector finish what it has and end, without an error for anyone.",
            discussion: """
                What has not started goes to the other connectors of the group at once. Its service ends with exit \
                code 11 and stays down until someone starts it on its machine.
                """)
        @Argument(help: "Its id or name.") var connector: String
        @Option(help: "How long running requests may take, as 90s or 10m.") var max = "10m"
        @Option(help: "Why, for people.") var note = ""
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                try await Self.send(
                    "drain", to: connector, .init(seconds: try seconds(max, "--max"), note: note), output)
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets a connector take no new work for a while; what runs goes on.",
            discussion: "It survives a restart of the connector and ends by itself after --for, or by 'resume'.")
        @Argument(help: "Its id or name.") var connector: String
        @Option(help: "Why, for people; shown wherever the connector is shown.") var note: String
        @Option(name: .customLong("for"), help: "For how long, as 30m or 2h; else until it is resumed.")
        var time: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                try await Self.send(
                    "pause", to: connector, .init(seconds: try time.map { try seconds($0, "--for") }, note: note),
                    output)
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets a paused connector take work again.")
        @Argument(help: "Its id or name.") var connector: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report { try await Self.send("resume", to: connector, .init(), output) }
        }
    }
}

extension AsyncParsableCommand {
    /// Sends an order and says what has come of it.
    fileprivate static func send(
        _ kind: String, to connector: String, _ order: ConnectorOrder, _ output: OutputOptions
    ) async throws {
        let answer = try await TenantAPI.loggedIn { try await $0.order(kind, connector, order) }
        try output.print(
            answer,
            as: TextTable(facts: [
                ("connector", "\(answer.name) (\(answer.connector))"), ("order", answer.order),
                ("obeyed", answer.isConfirmed ? "yes" : "not seen within 3 s"),
                ("says", answer.readiness ?? "gone"), ("requests", "\(answer.inFlight) in hand"),
            ]))
        guard answer.isConfirmed else {
            throw CommandFailure(
                .unexpected,
                "the order was sent, and \(answer.name) has not shown within 3 s that it obeys; look with"
                    + " 'posternctl connectors show \(answer.name)'")
        }
    }

    fileprivate func seconds(_ text: String, _ option: String) throws -> Double {
        guard let duration = Duration(text: text), duration > .zero else {
            throw CommandFailure(.usage, "\(option) is a time, as in 90s, 10m or 2h")
        }
        return duration / .seconds(1)
    }
}
