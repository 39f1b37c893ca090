internal import ArgumentParser
internal import DispatcherProtocol
internal import EnrollmentProtocol

/// `posternctl groups`.
struct GroupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "groups", abstract: "Groups of connectors that serve the same network.",
        subcommands: [Create.self, List.self, Delete.self, Show.self], defaultSubcommand: List.self)

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a group.")
        @Argument(help: "Its name: a-z, 0-9 and \"-\".") var name: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let group: GroupAnswer = try await TenantAPI.loggedIn {
                    try await $0.post(APIPath.groups, GroupRequest(name: name))
                }
                try output.print(group, as: GroupsCommand.table([group]))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the groups.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let groups: [GroupAnswer] = try await TenantAPI.loggedIn { try await $0.list(APIPath.groups) }
                try output.print(groups, as: GroupsCommand.table(groups))
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows which connectors of a group are there just now, as the dispatcher sees them.")
        @Argument(help: "The group's name.") var name: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let presence = try await TenantAPI.loggedIn { try await $0.presence(of: name) }
                let rows = presence.connectors.map { member in
                    [
                        member.name, member.standing, member.readiness, "\(Int(member.lastBeatSeconds)) s ago",
                        "\(member.inFlight)/\(member.inFlight + member.credit)",
                        member.services.joined(separator: ","), member.connector,
                    ]
                }
                try output.print(
                    presence,
                    as: TextTable(
                        ["connector", "standing", "readiness", "last beat", "busy", "services", "id"], rows,
                        empty: "no connector of this group has been seen lately"))
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Deletes a group that no account joins.")
        @Argument(help: "The group's name.") var name: String

        func run() async throws {
            try await report {
                try await TenantAPI.loggedIn { try await $0.delete(APIPath.group, ["group": name]) }
                print("Group \(name) is deleted.")
            }
        }
    }

    private static func table(_ groups: [GroupAnswer]) -> TextTable {
        TextTable(
            ["group", "connectors", "created", "id"],
            groups.map { [$0.name, "\($0.activeConnectors)", $0.createdAt.brief, $0.id] },
            empty: "no groups; make one with 'posternctl groups create NAME'")
    }
}
