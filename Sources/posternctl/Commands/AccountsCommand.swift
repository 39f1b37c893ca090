public import ArgumentParser
public import EnrollmentProtocol

/// `posternctl accounts`.
struct AccountsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accounts", abstract: "Service accounts, with which connectors register.",
        subcommands: [Create.self, List.self, Show.self, Delete.self], defaultSubcommand: List.self)

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a service account.")
        @Argument(help: "Its name: a-z, 0-9 and \"-\".") var name: String
        @Option(help: "connector or dispatcher.") var role: AccountRole = .connector
        @Option(name: .customLong("group"), help: "A group that its connectors join; may be repeated.")
        var groups: [String] = []
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let account: AccountAnswer = try await TenantAPI.loggedIn {
                    try await $0.post(APIPath.accounts, AccountRequest(name: name, role: role, groups: groups))
                }
                try output.print(account, as: AccountsCommand.table([account]))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the service accounts.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let accounts: [AccountAnswer] = try await TenantAPI.loggedIn { try await $0.list(APIPath.accounts) }
                try output.print(accounts, as: AccountsCommand.table(accounts))
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a service account.")
        @Argument(help: "Its name.") var name: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let account: AccountAnswer = try await TenantAPI.loggedIn {
                    try await $0.get(APIPath.account, ["account": name])
                }
                try output.print(account, as: AccountsCommand.table([account]))
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes a service account; its connectors have to be revoked before.")
        @Argument(help: "Its name.") var name: String

        func run() async throws {
            try await report {
                try await TenantAPI.loggedIn { try await $0.delete(APIPath.account, ["account": name]) }
                print("Account \(name) is deleted.")
            }
        }
    }

    private static func table(_ accounts: [AccountAnswer]) -> TextTable {
        TextTable(
            ["account", "role", "groups", "connectors", "created"],
            accounts.map {
                [
                    $0.name, $0.role.rawValue, $0.groups.map(\.name).joined(separator: ","), "\($0.activeConnectors)",
                    $0.createdAt.brief,
                ]
            }, empty: "no accounts; make one with 'posternctl accounts create NAME --group GROUP'")
    }
}

extension AccountRole: ExpressibleByArgument {}
