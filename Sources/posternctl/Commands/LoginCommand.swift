internal import ArgumentParser
internal import EnrollmentProtocol
internal import Foundation

/// `posternctl login`.
struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login",
        abstract: "Stores the tenant's URL, whom to trust there, and your key, in a file that only you can read.",
        discussion: """
            The key is read from --key-file, from $POSTERN_KEY, or from standard input; never from the command line.
            The installation's CA is named by its SHA-256, which 'postern-tenant init' prints; without --ca-pin and
            --ca-file the system's certificates are trusted.
            """)

    @Option(help: "The tenant's URL, as https://tenant.example:8443.")
    var url: String

    @Option(help: "The SHA-256 of the installation's root key, as hex.")
    var caPin: String?

    @Option(help: "A PEM file of certificates to trust.")
    var caFile: String?

    @Option(help: "The file that holds the administrator's credential or an API key.")
    var keyFile: String?

    func run() async throws {
        try await report {
            let key = try readKey()
            var login = Login(url: url, authorityPin: caPin, trustRoots: nil, key: key)
            if let caFile {
                guard let text = try? String(contentsOfFile: caFile, encoding: .utf8) else {
                    throw CommandFailure(.usage, "cannot read \(caFile)")
                }
                login.trustRoots = text
            } else if let caPin {
                login.trustRoots = try await TenantAPI.fetchTrustRoots(url: url, pin: caPin)
            }
            let api = try TenantAPI(login)
            let identity: WhoAmIAnswer = try await api.closing { try await $0.get(APIPath.whoAmI) }
            try login.save()
            print(
                "Logged in to tenant \(identity.tenant.slug) as \(identity.kind) \(identity.name); kept in \(Login.path)"
            )
        }
    }

    private func readKey() throws -> String {
        let text: String?
        if let keyFile {
            text = try? String(contentsOfFile: keyFile, encoding: .utf8)
            guard text != nil else { throw CommandFailure(.usage, "cannot read \(keyFile)") }
        } else if let key = ProcessInfo.processInfo.environment["POSTERN_KEY"] {
            text = key
        } else {
            text = readLine()
        }
        let key = (text ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        guard !key.isEmpty else {
            throw CommandFailure(.usage, "no key: give --key-file, $POSTERN_KEY or a line on standard input")
        }
        return key
    }
}

/// `posternctl whoami`.
struct WhoAmICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Says who you are at which tenant.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await report {
            let answer: WhoAmIAnswer = try await TenantAPI.loggedIn { try await $0.get(APIPath.whoAmI) }
            try output.print(
                answer,
                as: TextTable(facts: [
                    ("tenant", answer.tenant.slug), ("kind", answer.kind), ("role", answer.role?.rawValue ?? "-"),
                    ("name", answer.name), ("id", answer.id),
                ]))
        }
    }
}
