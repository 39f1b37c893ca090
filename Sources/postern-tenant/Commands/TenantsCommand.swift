internal import ArgumentParser
internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation
internal import IdentityStore

/// `postern-tenant tenants`.
struct TenantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenants", abstract: "The tenants of the installation.",
        subcommands: [Create.self, List.self], defaultSubcommand: List.self)

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a tenant and prints its first administrator's credential; works while the port serves.")
        @OptionGroup var state: StateOptions
        @Argument(help: "Its name in URLs and certificates: a-z, 0-9 and \"-\".") var slug: String
        @Option(help: "Its name for people.") var name: String?
        @Option(help: "Write the credential to this file (mode 0600), and do not print it.") var adminFile: String?

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let (tenant, secret) = try await OperatorAct(installation: installation).perform(
                    "tenants.create", on: "tenants/\(slug)",
                    { try installation.createTenant(slug: slug, name: name ?? slug, now: .now) })
                print("Tenant \(tenant.slug) is made.")
                try TenantsCommand.hand(over: secret, of: tenant, to: adminFile)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the tenants.")
        @OptionGroup var state: StateOptions

        func run() async throws {
            try await report {
                for tenant in try await Installation.open(state.folder).registry.tenants() {
                    print("\(tenant.slug)\t\(tenant.name)\t\(tenant.id)")
                }
            }
        }
    }

    /// Tells an administrator's credential, this one time.
    static func hand(over secret: SecretToken, of tenant: Tenant, to path: String?) throws {
        guard let path else {
            return print(
                """
                Administrator of \(tenant.slug), shown this one time:
                  \(secret.text)
                """)
        }
        let manager = FileManager.default
        guard !manager.fileExists(atPath: path),
            manager.createFile(
                atPath: path, contents: Data((secret.text + "\n").utf8), attributes: [.posixPermissions: 0o600])
        else {
            throw CommandFailure(
                .usage, "cannot write the new file \(path); the administrator's credential is \(secret.text)")
        }
        print("The administrator's credential is in \(path).")
    }
}
