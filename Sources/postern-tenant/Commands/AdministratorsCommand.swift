internal import ArgumentParser
internal import EnrollmentService
internal import Foundation

/// `postern-tenant administrators`.
struct AdministratorsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "administrators", abstract: "Credentials of administrators, made on the tenant's disk.",
        discussion: "For the day on which nobody has one any more; otherwise use 'posternctl administrators'.",
        subcommands: [Create.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes an administrator of a tenant and prints the credential; works while the port serves.")
        @OptionGroup var state: StateOptions
        @Argument(help: "The tenant's name.") var tenant: String
        @Argument(help: "The administrator's name: a-z, 0-9 and \"-\".") var name: String
        @Option(help: "Write the credential to this file (mode 0600), and do not print it.") var adminFile: String?

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let found = try installation.registry.tenant(slug: tenant)
                let secret = try await OperatorAct(installation: installation).perform(
                    "administrators.create", on: "tenants/\(found.slug)/administrators/\(name)",
                    { try installation.registry.createAdministrator(named: name, of: found, at: .now) })
                try TenantsCommand.hand(over: secret, of: found, to: adminFile)
            }
        }
    }
}
