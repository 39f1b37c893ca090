internal import ArgumentParser
internal import EnrollmentService
internal import Foundation
internal import IdentityStore
internal import MachineIdentity
internal import RemoteKeyAuthority

/// `postern-tenant keyauthority`.
struct KeyAuthorityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyauthority", abstract: "The key of a tenant that signs the epochs of its groups.",
        subcommands: [Show.self, Rotate.self, Move.self], defaultSubcommand: Show.self)

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

    struct Move: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Moves a tenant's Key Authority to a state folder of its own; restart the tenant afterwards.",
            discussion: """
                Carry the folder to another machine, and run there: postern-tenant serve --roles key-authority
                --state-dir DIR. It needs a way to the tenant's port, and nothing else; nobody needs a way to it. The key is
                erased here. For a rotation, bring its file back into this state folder, rotate, and move it again.
                """)
        @OptionGroup var state: StateOptions
        @Option(help: "The tenant's name.") var tenant: String
        @Option(help: "The new state folder; one that holds other tenants' Key Authorities is added to.") var to: String

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let moved = try await installation.authorityToMove(of: try installation.registry.tenant(slug: tenant))
                let folder = StateFolder(path: to, encryption: state.folder.encryption)
                try folder.prepare()
                try folder.write(moved.keyPEM.reveal().utf8, to: moved.keyFile)
                let rootPEM = CertificatePEM.encode([moved.root])
                var settings =
                    try RemoteSettings.read(from: folder)
                    ?? RemoteSettings(
                        tenantURL: installation.settings.publicURL,
                        serverTrust: installation.settings.hosts.isEmpty ? .system : .installation(rootPEM: rootPEM),
                        trustDomain: installation.settings.trustDomain, root: rootPEM, dispatchers: [], tenants: [],
                        epochInterval: moved.epochInterval, epochLife: moved.epochLife)
                settings.dispatchers = moved.dispatcherKeys.sorted { $0.key < $1.key }.map {
                    .init(id: $0.key, identityKey: $0.value)
                }
                settings.tenants.removeAll { $0.id == moved.tenant.id }
                settings.tenants.append(
                    .init(id: moved.tenant.id, slug: moved.tenant.slug, keyFile: moved.keyFile))
                try settings.write(to: folder)
                // From here on the key is in the new folder, flushed.
                try installation.releaseAuthority(of: moved.tenant)
                print(
                    """
                    The Key Authority of \(tenant) is in \(to), and its key is erased here.
                    Next: restart this tenant; carry \(to) to its machine (mode 0700), and run there
                      postern-tenant serve --roles key-authority --state-dir DIR
                    Back that folder up: without it, work ends within \(moved.epochLife / 3600) hours.
                    """)
            }
        }
    }
}
