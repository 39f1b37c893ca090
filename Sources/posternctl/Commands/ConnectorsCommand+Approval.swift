internal import ArgumentParser
internal import EnrollmentProtocol
internal import Foundation

/// Registrations that wait for an administrator.
extension ConnectorsCommand {
    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Approves a registration that waits; its machine is registered within seconds.",
            discussion: """
                First compare the words of its key with those that 'postern register' shows there: read them to one
                another by telephone. Only then it is the machine that you mean.
                """)
        @Argument(help: "Its id or name, as 'connectors list --pending' shows it.") var connector: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let approved = try await TenantAPI.loggedIn { api in
                    let pending = try await api.pendingConnector(connector)
                    try await api.post(APIPath.approveConnector, ["id": pending.id], EmptyRequest())
                    return pending
                }
                try output.print(approved, as: ConnectorsCommand.table(of: approved, "approved"))
            }
        }
    }

    struct Reject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Rejects a registration that waits; to try again, a new invitation is needed.")
        @Argument(help: "Its id or name, as 'connectors list --pending' shows it.") var connector: String
        @Option(help: "Why; shown to whoever registers.") var reason: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let rejected = try await TenantAPI.loggedIn { api in
                    let pending = try await api.pendingConnector(connector)
                    try await api.post(APIPath.rejectConnector, ["id": pending.id], ReasonRequest(reason: reason))
                    return pending
                }
                try output.print(rejected, as: ConnectorsCommand.table(of: rejected, "rejected"))
            }
        }
    }

    static func listPending(_ output: OutputOptions) async throws {
        let pending: [PendingConnectorAnswer] = try await TenantAPI.loggedIn {
            try await $0.list(APIPath.pendingConnectors)
        }
        try output.print(
            pending,
            as: TextTable(
                ["connector", "words of its key", "account", "came", "waits until", "from", "id"],
                pending.map {
                    [
                        $0.displayName ?? "-", $0.keyWords, $0.account, $0.createdAt.brief, $0.expiresAt.brief,
                        $0.address, $0.id,
                    ]
                },
                empty: "none waits; invitations made with 'enrollments create --approve' let connectors wait here"))
    }

    private static func table(of pending: PendingConnectorAnswer, _ decision: String) -> TextTable {
        TextTable(facts: [
            (decision, pending.displayName ?? "-"), ("id", pending.id), ("account", pending.account),
            ("key", "\(pending.keyFingerprint)"), ("words", pending.keyWords), ("from", pending.address),
        ])
    }
}

extension TenantAPI {
    /// Finds a registration that waits by its id or its name.
    func pendingConnector(_ name: String) async throws -> PendingConnectorAnswer {
        let all: [PendingConnectorAnswer] = try await list(APIPath.pendingConnectors)
        if let pending = all.first(where: { $0.id == name }) { return pending }
        let named = all.filter { $0.displayName == name }
        guard let pending = named.first, named.count == 1 else {
            throw CommandFailure(
                .refused,
                named.isEmpty
                    ? "no registration with the id or name \"\(name)\" waits; 'posternctl connectors list --pending'"
                        + " shows all"
                    : "several registrations have the name \"\(name)\"; name one by its id: "
                        + named.map(\.id).joined(separator: ", "))
        }
        return pending
    }
}
