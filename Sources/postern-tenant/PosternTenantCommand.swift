internal import ArgumentParser
internal import Foundation
internal import IdentityStore
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
            log is not what it was; 6 something is missing on Kafka; 7 Kafka cannot be reached, or refuses.
            """,
        version: PosternVersion.text,
        subcommands: [
            InitCommand.self, ShowCommand.self, TenantsCommand.self, ServeCommand.self, KafkaCommand.self,
            KeysCommand.self,
            KeyAuthorityCommand.self, AuthorityCommand.self, AdministratorsCommand.self, AuditCommand.self,
            InstancesCommand.self, VersionCommand.self,
        ])

    /// Runs the command that the arguments name, with what it knows kept out of core dumps.
    static func main() async {
        ProcessSecrecy.begin(ProcessInfo.processInfo.environment)
        await main(nil)
    }
}
