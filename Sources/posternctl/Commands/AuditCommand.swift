internal import ArgumentParser
internal import AuditLog
internal import EnrollmentProtocol
internal import Foundation

/// `posternctl audit`.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Who did what in the tenant, from where; and whether the log was changed.",
        discussion: """
            The log is append-only and chained by hashes; connectors keep its heads and it keeps theirs, so that neither
            end can rewrite its own unnoticed.
            """,
        subcommands: [List.self, Verify.self, Export.self, Heads.self], defaultSubcommand: List.self)

    struct FilterOptions: ParsableArguments {
        @Option(help: "Rows since this RFC 3339 time, or of the last span, as 90m, 24h.") var since: String?
        @Option(help: "Rows of this administrator, key or connector, by its id.") var actor: String?
        @Option(help: "Rows of this action, as connectors.revoke, or of all that begin so, as connectors.")
        var action: String?

        func query() throws -> String {
            var parts: [String] = []
            if let since {
                guard let date = Self.date(since) else {
                    throw CommandFailure(.usage, "--since is an RFC 3339 time or a span, as 24h")
                }
                parts.append("since=" + RFC3339.text(of: date).percentEncoded)
            }
            if let actor { parts.append("actor=" + actor.percentEncoded) }
            if let action { parts.append("action=" + action.percentEncoded) }
            return parts.map { "&" + $0 }.joined()
        }

        private static func date(_ text: String) -> Date? {
            let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
            if let unit = text.last.flatMap({ units[$0] }), let count = Double(text.dropLast()), count >= 0 {
                return Date(timeIntervalSinceNow: -count * unit)
            }
            return RFC3339.date(from: text)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists what happened, oldest first.")
        @OptionGroup var filter: FilterOptions
        @Option(help: "Only the newest of them.") var last = 200
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                var rows: [AuditRow] = []
                let (query, last) = (try filter.query(), max(1, last))
                try await TenantAPI.loggedIn { api in
                    try await api.auditRows(query) { page in
                        rows += page
                        if rows.count > last { rows.removeFirst(rows.count - last) }
                    }
                }
                try output.print(
                    rows,
                    as: TextTable(
                        ["row", "time", "who", "from", "what", "to", "outcome", "detail"],
                        rows.map { row in
                            [
                                "\(row.sequence)", row.time.brief,
                                [row.actor.kind, row.actor.name.isEmpty ? row.actor.id : row.actor.name]
                                    .filter { !$0.isEmpty }.joined(separator: ":"),
                                row.source.isEmpty ? "-" : row.source, row.action, row.subject, row.outcome.rawValue,
                                row.detail.filter { $0.key != "request" }.sorted { $0.key < $1.key }
                                    .map { "\($0.key)=\($0.value)" }.joined(separator: " "),
                            ]
                        }, empty: "nothing on record"))
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints rows as JSON lines, for archives and tools.")
        @OptionGroup var filter: FilterOptions

        func run() async throws {
            try await report {
                let query = try filter.query()
                try await TenantAPI.loggedIn { api in
                    try await api.auditRows(query) { page in
                        for row in page {
                            try FileHandle.standardOutput.write(
                                contentsOf: try EnrollmentJSON.encode(row) + Data("\n".utf8))
                        }
                    }
                }
            }
        }
    }

    struct Heads: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the heads of connectors' logs that the tenant keeps, as JSON lines.",
            discussion: "Hand them to 'postern audit verify --head FILE' at the connector, or keep them elsewhere.")
        @Argument(help: "A connector's id; the newest head of each unless given.") var connector: String?
        @Flag(help: "The head of the tenant's own log instead, to be kept elsewhere.") var own = false

        func run() async throws {
            try await report {
                let (connector, own) = (connector, own)
                let heads = try await TenantAPI.loggedIn { api in
                    let answer: AuditHeadAnswer = try await api.get(APIPath.auditHead)
                    if own { return [answer.head] }
                    guard let connector else { return answer.connectors }
                    return try await api.keptHeads(of: connector)
                        + answer.connectors.filter { $0.of == connector }
                }
                for head in heads { print(String(decoding: try EnrollmentJSON.encode(head), as: UTF8.self)) }
            }
        }
    }
}
