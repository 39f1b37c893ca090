internal import ArgumentParser
internal import EnrollmentProtocol

/// `posternctl connectors`.
struct ConnectorsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connectors", abstract: "Registered connectors.",
        subcommands: [List.self, Show.self, Revoke.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the connectors.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let connectors: [ConnectorAnswer] = try await TenantAPI.loggedIn {
                    try await $0.list(APIPath.connectors)
                }
                try output.print(
                    connectors,
                    as: TextTable(
                        ["connector", "state", "presence", "account", "groups", "last seen", "certificate ends", "id"],
                        connectors.map {
                            [
                                $0.displayName ?? "-", $0.state.rawValue, $0.presence ?? "-", $0.account,
                                $0.groups.map(\.name).joined(separator: ","), $0.lastSeenAt?.brief ?? "never",
                                $0.notAfter.brief, $0.id,
                            ]
                        },
                        empty: "no connectors; invite one with 'posternctl enrollments create ACCOUNT'"))
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a connector.")
        @Argument(help: "Its id.") var id: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let connector: ConnectorAnswer = try await TenantAPI.loggedIn {
                    try await $0.get(APIPath.connector, ["id": id])
                }
                try output.print(connector, as: ConnectorsCommand.table(connector))
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revokes a connector: its link closes, and nothing that it says is accepted any more.")
        @Argument(help: "Its id.") var id: String
        @Option(help: "Why; kept with the connector.") var reason: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let connector: ConnectorAnswer = try await TenantAPI.loggedIn {
                    try await $0.post(APIPath.revokeConnector, ["id": id], RevokeRequest(reason: reason))
                    return try await $0.get(APIPath.connector, ["id": id])
                }
                try output.print(connector, as: ConnectorsCommand.table(connector))
            }
        }
    }

    private static func table(_ connector: ConnectorAnswer) -> TextTable {
        var facts = [
            ("connector", connector.displayName ?? "-"), ("id", connector.id), ("state", connector.state.rawValue),
            ("presence", connector.presence ?? "-"), ("account", connector.account),
            ("groups", connector.groups.map(\.name).joined(separator: ", ")),
            ("registered", connector.createdAt.brief), ("last seen", connector.lastSeenAt?.brief ?? "never"),
            ("certificate ends", connector.notAfter.brief), ("generation", "\(connector.generation)"),
            ("starts", "\(connector.boots)"), ("version", connector.version ?? "-"),
            ("key", "\(connector.keyFingerprint)"),
        ]
        if let revoked = connector.revokedAt {
            facts.append(("revoked", "\(revoked.brief) (\(connector.revocationReason ?? "no reason given"))"))
        }
        return TextTable(facts: facts)
    }
}
