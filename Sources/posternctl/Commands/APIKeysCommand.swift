internal import ArgumentParser
internal import EnrollmentProtocol

/// `posternctl apikeys`.
struct APIKeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apikeys", abstract: "Keys with which applications call services.",
        subcommands: [Create.self, List.self, Revoke.self], defaultSubcommand: List.self)

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a key and prints it, this one time.")
        @Argument(help: "A name for people.") var name: String
        @Option(name: .customLong("group"), help: "A group that it opens; may be repeated; all where none is named.")
        var groups: [String] = []
        @Option(
            name: .customLong("service"), help: "A service that it opens; may be repeated; all where none is named.")
        var services: [String] = []
        @Flag(help: "A key that may also administer the tenant.") var admin = false
        @Option(help: "After how many seconds it ends; never where nothing is said.") var expiresIn: Int?
        @Flag(help: "Print the key alone, for scripts.") var quiet = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let key: APIKeyAnswer = try await TenantAPI.loggedIn {
                    try await $0.post(
                        APIPath.apiKeys,
                        APIKeyRequest(
                            name: name, scopes: admin ? [.call, .admin] : [.call],
                            groups: groups.isEmpty ? nil : groups,
                            services: services.isEmpty ? nil : services, expiresIn: expiresIn))
                }
                if quiet { return print(key.key ?? "") }
                try output.print(
                    key,
                    as: TextTable(facts: [
                        ("id", key.id), ("name", key.name), ("groups", APIKeysCommand.text(key.groups?.map(\.name))),
                        ("services", APIKeysCommand.text(key.services)),
                        ("expires", key.expiresAt?.brief ?? "never"), ("key", key.key ?? "-"),
                    ]))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the keys, without their secrets.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let keys: [APIKeyAnswer] = try await TenantAPI.loggedIn { try await $0.list(APIPath.apiKeys) }
                try output.print(
                    keys,
                    as: TextTable(
                        ["name", "scopes", "groups", "services", "created", "expires", "id"],
                        keys.map {
                            [
                                $0.name, $0.scopes.map(\.rawValue).joined(separator: ","),
                                APIKeysCommand.text($0.groups?.map(\.name)), APIKeysCommand.text($0.services),
                                $0.createdAt.brief, $0.expiresAt?.brief ?? "never", $0.id,
                            ]
                        },
                        empty: "no keys; make one with 'posternctl apikeys create NAME --group GROUP'"))
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revokes a key; calls with it are refused from now on.")
        @Argument(help: "Its id.") var id: String

        func run() async throws {
            try await report {
                try await TenantAPI.loggedIn { try await $0.delete(APIPath.apiKey, ["id": id]) }
                print("Key \(id) is revoked.")
            }
        }
    }

    private static func text(_ names: [String]?) -> String {
        names?.joined(separator: ",") ?? "all"
    }
}
