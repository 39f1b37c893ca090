internal import ArgumentParser
internal import RelayFormat

/// The operators' command.
@main
struct PosternctlCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posternctl",
        abstract: "Administers a Postern tenant and calls services through its connectors.",
        discussion: """
            Begin with 'posternctl login'. Every command takes '--output json' for programs.

            Exit codes: 0 done; 1 unexpected; 2 usage; 3 not logged in; 4 refused by the tenant; 5 the call did not
            reach its service, or nobody knows whether it did; 6 the service answered with a status of 400 or more
            (call --fail); 7 the audit log is not what it was; 8 network or TLS.
            """,
        version: PosternVersion.text,
        subcommands: [
            LoginCommand.self, WhoAmICommand.self, AdministratorsCommand.self, GroupsCommand.self, AccountsCommand.self,
            EnrollmentsCommand.self,
            ConnectorsCommand.self, APIKeysCommand.self, WebhooksCommand.self, CallCommand.self, SubmitCommand.self,
            RequestsCommand.self, WhyCommand.self, AuditCommand.self,
        ])
}
