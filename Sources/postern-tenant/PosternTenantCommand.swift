internal import ArgumentParser
internal import RelayFormat

/// The SaaS operator's command.
@main
struct PosternTenantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "postern-tenant",
        abstract: "The tenant's side of Postern: enrollment service, dispatcher and embedded broker.",
        discussion: """
            Begin with 'postern-tenant init', then 'postern-tenant serve'. Operators then use posternctl.

            Exit codes: 0 done; 1 unexpected; 2 usage or configuration; 3 not initialised; 4 there already; 5 the audit
            log is not what it was.
            """,
        version: PosternVersion.text,
        subcommands: [InitCommand.self, ShowCommand.self, TenantsCommand.self, ServeCommand.self, AuditCommand.self])
}
