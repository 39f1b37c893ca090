internal import ArgumentParser
internal import EnrollmentService
internal import Foundation
internal import IdentityStore

/// `postern-tenant keyauthority`.
struct KeyAuthorityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyauthority", abstract: "The key of a tenant that signs the epochs of its groups.",
        subcommands: [Show.self, Rotate.self], defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the pin of each tenant's Key Authority, as invitations carry it.")
        @OptionGroup var state: StateOptions

        func run() async throws {
            try await report {
                for tenant in try await Installation.open(state.folder).registry.tenants() {
                    print("\(tenant.slug)\t\(try tenant.keyAuthorityPin())")
                }
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives a tenant's Key Authority its next key; works while the port serves.",
            discussion: """
                The present key names its successor, and the installation countersigns with the key of its intermediate,
                or of its root where --root-key names it. Connectors check both, and follow by themselves. Invitations
                that are under way carry the former pin and are refused: make them anew.
                """)
        @OptionGroup var state: StateOptions
        @Option(help: "The tenant's name.") var tenant: String
        @Option(help: "The root's key, on its medium; without it the intermediate countersigns.")
        var rootKey: String?

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let rotation = try await installation.rotateKeyAuthority(
                    of: try installation.registry.tenant(slug: tenant), rootKeyPEM: try rootKey.map(InitCommand.read),
                    now: .now)
                print(
                    """
                    The Key Authority of \(tenant) has the key \(rotation.present) from now on.
                    Before: \(rotation.former), which is erased.
                    Groups get an epoch of the new key within a second, where a tenant serves.
                    Next: back the state folder up, the new key is \(installation.folder.path)/\(rotation.file); make
                    invitations that are under way anew.
                    """)
            }
        }
    }
}
