internal import ArgumentParser
internal import DispatcherProtocol
internal import Foundation
internal import RelayFormat

/// `posternctl requests`.
struct RequestsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "requests", abstract: "Requests: what became of them, and what can be done about them.",
        discussion: """
            Submissions are kept for a day after they have ended, dead letters and unresolved ones for two weeks; of
            calls the newest ten thousand are remembered, as long as the dispatcher runs.
            """,
        subcommands: [List.self, Show.self, Cancel.self, Redrive.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the newest requests.")
        @Option(help: "Only those that are open, answered, failed, unknown, cancelled or dead_letter.")
        var state: String?
        @Option(help: "Only those of this group.") var group: String?
        @Option(help: "How many, 1 to 1000.") var limit: Int = 50
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let list = try await TenantAPI.loggedIn {
                    try await $0.requests(state: state, group: group, limit: limit)
                }
                try output.print(
                    list,
                    as: TextTable(
                        ["came", "state", "class", "service", "group", "connector", "attempts", "outcome", "id"],
                        list.requests.map {
                            [
                                $0.submittedAt.text, $0.state, $0.requestClass, $0.service, $0.group,
                                $0.connector ?? "-", "\($0.attempt)", RequestsCommand.outcome(of: $0), $0.requestID,
                            ]
                        }, empty: "no such requests"))
                if let missing = list.missingInstances, !missing.isEmpty {
                    let names = missing.joined(separator: ", ")
                    FileHandle.standardError.write(
                        Data("note: these dispatchers did not answer, and their requests are missing: \(names)\n".utf8))
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a request; 'posternctl why' tells its story.")
        @Argument(help: "Its id.") var id: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let request = try await TenantAPI.loggedIn { try await $0.request(id) }
                try output.print(request, as: RequestsCommand.table(request))
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Cancels a request; one that runs is torn down at its connector.")
        @Argument(help: "Its id.") var id: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let answer = try await TenantAPI.loggedIn { try await $0.cancel(id) }
                try output.print(
                    answer,
                    as: TextTable(facts: [
                        ("request", id),
                        ("verdict", answer.verdict == "stopping" ? "its connector is told to stop it" : answer.verdict),
                    ]))
            }
        }
    }

    struct Redrive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes a submission up again that is a dead letter, failed or was cancelled.")
        @Argument(help: "Its id.") var id: String
        @Option(help: "How long it may take from now on, as 30m; an hour where nothing is said.")
        var deadline: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                var terms = RedriveRequest()
                if let deadline {
                    guard let duration = Duration(text: deadline) else {
                        throw CommandFailure(.usage, "--deadline is a time, as in 30s, 5m or 2h")
                    }
                    terms.deadlineSeconds = duration / .seconds(1)
                }
                let request = try await TenantAPI.loggedIn { [terms] in try await $0.redrive(id, terms) }
                try output.print(request, as: RequestsCommand.table(request))
            }
        }
    }

    private static func outcome(of request: RequestReport) -> String {
        request.outcome?.status.map { "\($0)" } ?? request.outcome?.code ?? "-"
    }

    private static func table(_ request: RequestReport) -> TextTable {
        var facts = [
            ("request", request.requestID), ("state", request.state),
            ("kind", "\(request.durable ? "submission" : "call"), \(request.requestClass)"),
            ("group", request.group), ("service", request.service), ("caller", request.caller),
            ("came", request.submittedAt.text), ("deadline", request.deadline.text),
            ("attempts", "\(request.attempt), \(request.losses) lost"), ("connector", request.connector ?? "-"),
        ]
        if let park = request.parkUntil { facts.append(("waits for a connector until", park.text)) }
        if let end = request.endedAt { facts.append(("ended", end.text)) }
        if request.outcome != nil { facts.append(("outcome", outcome(of: request))) }
        if let detail = request.outcome?.detail { facts.append(("because", detail)) }
        if request.resolved == true { facts.append(("resolved", "its outcome was unknown for a while")) }
        for delivery in request.webhook ?? [] {
            facts.append(("webhook", "\(delivery.name), \(delivery.type): \(delivery.state)"))
        }
        if let waitsFor = request.waitsFor { facts.append(("waits for", waitsFor)) }
        if let wouldHelp = request.wouldHelp { facts.append(("would help", wouldHelp)) }
        return TextTable(facts: facts)
    }
}
