public import ArgumentParser
public import EnrollmentProtocol

/// `posternctl administrators`.
struct AdministratorsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "administrators", abstract: "Who administers the tenant, each by a credential of their own.",
        discussion: """
            An administrator may do everything; an auditor looks at everything and changes nothing, and calls no service.
            Where nobody has a credential any more, 'postern-tenant administrators create' makes one on the tenant's disk.
            """,
        subcommands: [Create.self, List.self, Withdraw.self], defaultSubcommand: List.self)

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes an administrator and prints the credential, this one time.",
            discussion: "Hand it over by a safe way: 'posternctl login' reads it from a file or from standard input.")
        @Argument(help: "The name: a-z, 0-9 and \"-\".") var name: String
        @Option(help: "administrator or auditor.") var role = AdministratorRole.administrator
        @Flag(help: "Print the credential alone, for scripts.") var quiet = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let made: AdministratorAnswer = try await TenantAPI.loggedIn {
                    try await $0.post(APIPath.administrators, AdministratorRequest(name: name, role: role))
                }
                if quiet { return print(made.credential ?? "") }
                try output.print(
                    made,
                    as: TextTable(facts: [
                        ("id", made.id), ("name", made.name), ("role", made.role.rawValue),
                        ("credential", made.credential ?? "-"),
                    ]))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the administrators, without their credentials.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let all: [AdministratorAnswer] = try await TenantAPI.loggedIn {
                    try await $0.list(APIPath.administrators)
                }
                try output.print(
                    all,
                    as: TextTable(
                        ["name", "role", "created", "id"],
                        all.map { [$0.name, $0.role.rawValue, $0.createdAt.brief, $0.id] }))
            }
        }
    }

    struct Withdraw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Withdraws a credential; it is refused from the next request on.",
            discussion: "The last one that may change anything cannot be withdrawn: make another one first.")
        @Argument(help: "The administrator's id.") var id: String

        func run() async throws {
            try await report {
                try await TenantAPI.loggedIn { try await $0.delete(APIPath.administrator, ["id": id]) }
                print("The credential of \(id) is withdrawn.")
            }
        }
    }
}

extension AdministratorRole: ExpressibleByArgument {}
