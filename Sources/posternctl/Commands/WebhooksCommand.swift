internal import ArgumentParser
internal import EnrollmentProtocol

/// `posternctl webhooks`.
struct WebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks", abstract: "Where results may be posted to.",
        discussion: """
            Applications name a webhook when they submit a request; they cannot give an address of their own. Posts are
            signed as Standard Webhooks say (HMAC-SHA256, the secret is shown once).
            """,
        subcommands: [Create.self, List.self, Delete.self], defaultSubcommand: List.self)

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Registers an address and prints the secret that posts are signed with, this one time.")
        @Argument(help: "Its name: a-z, 0-9 and \"-\".") var name: String
        @Option(help: "Where results are posted to: https, or http to a loopback address.") var url: String
        @Flag(help: "Print the secret alone, for scripts.") var quiet = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let webhook: WebhookAnswer = try await TenantAPI.loggedIn {
                    try await $0.post(APIPath.webhooks, WebhookRequest(name: name, url: url))
                }
                if quiet { return print(webhook.secret ?? "") }
                try output.print(
                    webhook,
                    as: TextTable(facts: [
                        ("name", webhook.name), ("url", webhook.url), ("secret", webhook.secret ?? "-"),
                    ]))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the webhooks, without their secrets.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await report {
                let webhooks: [WebhookAnswer] = try await TenantAPI.loggedIn { try await $0.list(APIPath.webhooks) }
                try output.print(
                    webhooks,
                    as: TextTable(
                        ["name", "url", "created"], webhooks.map { [$0.name, $0.url, $0.createdAt.brief] },
                        empty: "no webhooks; make one with 'posternctl webhooks create NAME --url https://...'"))
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes a webhook; nothing is posted to it from now on.")
        @Argument(help: "Its name.") var name: String

        func run() async throws {
            try await report {
                try await TenantAPI.loggedIn { try await $0.delete(APIPath.webhook, ["name": name]) }
                print("Webhook \(name) is deleted.")
            }
        }
    }
}
