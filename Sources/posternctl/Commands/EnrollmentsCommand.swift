internal import ArgumentParser
internal import EnrollmentProtocol

/// `posternctl enrollments`.
struct EnrollmentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enrollments", abstract: "Invitations with which connectors register, once.",
        subcommands: [Create.self, List.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes an invitation for a service account and prints it, this one time.",
            discussion: """
                Hand the invitation to whoever installs the connector, by a way that you trust: it holds the secret.
                There they run: postern register <invitation>
                """)
        @Argument(help: "The service account.") var account: String
        @Option(help: "For how many connectors it is good.") var uses: Int?
        @Option(help: "After how many seconds it ends; 3600 where nothing is said, 86400 at most.")
        var expiresIn: Int?
        @Flag(help: "Let each registration wait until it is approved: 'posternctl connectors list --pending'.")
        var approve = false
        @Option(help: "After how many seconds of waiting it is too late; 86400 where nothing is said, 604800 at most.")
        var approveWithin: Int?
        @Flag(help: "Print the invitation alone, for scripts.") var quiet = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let enrollment: EnrollmentAnswer = try await TenantAPI.loggedIn {
                    try await $0.post(
                        APIPath.accountEnrollments, ["account": account],
                        InvitationRequest(
                            expiresIn: expiresIn, uses: uses, approve: approve ? true : nil,
                            approveWithin: approveWithin))
                }
                guard let invitation = enrollment.invitation else {
                    throw CommandFailure(.unexpected, "the tenant gave no invitation")
                }
                if quiet { return print(invitation) }
                try output.print(
                    enrollment,
                    as: TextTable(facts: [
                        ("enrollment", enrollment.id), ("account", enrollment.account), ("uses", "\(enrollment.uses)"),
                        ("expires", enrollment.expiresAt.brief),
                        (
                            "approval",
                            enrollment.approveWithin.map { "needed, within \($0) s of the registration" }
                                ?? "not needed"
                        ), ("invitation", invitation),
                    ]))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the enrollments of a service account.")
        @Argument(help: "The service account.") var account: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let all: [EnrollmentAnswer] = try await TenantAPI.loggedIn { try await $0.list(APIPath.enrollments) }
                let enrollments = all.filter { $0.account == account }
                try output.print(
                    enrollments,
                    as: TextTable(
                        ["enrollment", "state", "used", "created", "expires", "connectors"],
                        enrollments.map {
                            [
                                $0.id, $0.state.rawValue, "\($0.used)/\($0.uses)", $0.createdAt.brief,
                                $0.expiresAt.brief, $0.connectors.joined(separator: ","),
                            ]
                        },
                        empty: "no enrollments; make one with 'posternctl enrollments create \(account)'"))
            }
        }
    }
}
