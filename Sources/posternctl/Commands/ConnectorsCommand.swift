internal import ArgumentParser
internal import EnrollmentProtocol

/// `posternctl connectors`.
struct ConnectorsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connectors", abstract: "Registered connectors.",
        subcommands: [
            List.self, Show.self, Drain.self, Pause.self, Resume.self, Revoke.self, Freeze.self, Unfreeze.self,
            Approve.self, Reject.self,
        ],
        defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the connectors, and how each stands.",
            discussion: """
                A standing is never better than the last answer that the dispatcher has from the connector; its age \
                is that of this proof. 'posternctl connectors show' says more, and what would help.
                """)
        @Flag(help: "Those that have registered and wait for 'connectors approve' instead.") var pending = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                if pending { return try await ConnectorsCommand.listPending(output) }
                let views = try await TenantAPI.loggedIn { api in
                    let connectors: [ConnectorAnswer] = try await api.list(APIPath.connectors)
                    let presence = try await api.presence()
                    return connectors.map { ConnectorView(connector: $0, live: presence[$0.id]) }
                }
                try output.print(
                    views,
                    as: TextTable(
                        ["connector", "standing", "age", "reason", "account", "groups", "certificate ends", "id"],
                        views.map {
                            [
                                $0.connector.displayName ?? "-", $0.standing, $0.age, $0.reason, $0.connector.account,
                                $0.connector.groups.map(\.name).joined(separator: ","), $0.connector.notAfter.brief,
                                $0.connector.id,
                            ]
                        },
                        empty: "no connectors; invite one with 'posternctl enrollments create ACCOUNT'"))
                let clones = views.count { $0.connector.isSuspectedClone }
                if clones > 0, output.output == .table {
                    print(
                        "\nALARM: \(clones) frozen because somebody else has used the same identity:"
                            + " 'posternctl connectors show' says what to do")
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a connector: how it stands, why, since when, and what would help.",
            discussion: """
                online: it takes work and has answered this dispatcher within 15 seconds. paused, draining: told so. \
                unproven: its beats come, its answers do not. suspect: its link closed, or beats are missing. lost: \
                its process has ended, or was silent for too long. not seen: not since the dispatcher started.
                """)
        @Argument(help: "Its id or name.") var connector: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let view = try await TenantAPI.loggedIn { api in
                    let known = try await api.connector(connector)
                    return ConnectorView(connector: known, live: try await api.presence()[known.id])
                }
                try output.print(view, as: view.table)
            }
        }
    }
}
