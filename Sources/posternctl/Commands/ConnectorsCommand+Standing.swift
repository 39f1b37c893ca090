internal import ArgumentParser
internal import EnrollmentProtocol

/// Who is in and who is out: revoke, freeze and unfreeze.
extension ConnectorsCommand {
    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revokes a connector for good: its link closes, and nothing that it says is accepted any more.",
            discussion: """
                Its service ends with exit code 6. To come back it needs a new invitation, and on its machine
                'postern register --replace'.
                """)
        @Argument(help: "Its id or name.") var connector: String
        @Option(help: "Why; kept with the connector.") var reason: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                try await ConnectorsCommand.change(connector, output) { api, id in
                    try await api.post(APIPath.revokeConnector, ["id": id], ReasonRequest(reason: reason))
                }
            }
        }
    }

    struct Freeze: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shuts a connector out for a while: its link closes, and nothing that it says is accepted.",
            discussion: """
                Its service goes on and asks every few seconds; after 'unfreeze' it is back without anyone touching it.
                """)
        @Argument(help: "Its id or name.") var connector: String
        @Option(help: "Why; shown wherever the connector is shown.") var reason: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                try await ConnectorsCommand.change(connector, output) { api, id in
                    try await api.post(APIPath.freezeConnector, ["id": id], ReasonRequest(reason: reason))
                }
            }
        }
    }

    struct Unfreeze: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets a frozen connector in again.")
        @Argument(help: "Its id or name.") var connector: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                try await ConnectorsCommand.change(connector, output) { api, id in
                    try await api.post(APIPath.unfreezeConnector, ["id": id], EmptyRequest())
                }
            }
        }
    }

    /// Changes how a connector stands and shows it.
    private static func change(
        _ name: String, _ output: OutputOptions,
        _ act: @Sendable (_ api: TenantAPI, _ id: String) async throws -> Void
    ) async throws {
        let view = try await TenantAPI.loggedIn { api in
            let id = try await api.connector(name).id
            try await act(api, id)
            return ConnectorView(connector: try await api.get(APIPath.connector, ["id": id]), live: nil)
        }
        try output.print(view, as: view.table)
    }
}
