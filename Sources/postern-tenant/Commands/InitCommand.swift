internal import ArgumentParser
internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation
internal import IdentityStore
internal import RelayFormat

/// `postern-tenant init`.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Makes an installation: its certificate authority, its keys, its first tenant.",
        discussion: """
            Prints the first administrator's credential, this one time; with --admin-file it is written to a file
            instead. Afterwards move root.key offline: it is only needed to sign a new intermediate.
            """)

    @OptionGroup var state: StateOptions

    @Option(name: .customLong("host"), help: "A host name or address under which the port is reached; may be repeated.")
    var hosts: [String]

    @Option(help: "Where connectors and operators reach the port; https://HOST:8443 where nothing is said.")
    var publicURL: String?

    @Option(help: "The name under which certificates stand; made from the first host where nothing is said.")
    var trustDomain: String?

    @Option(help: "Your own TLS certificate with its chain, PEM, in place of a self-issued one.")
    var tlsCert: String?

    @Option(help: "The key of --tls-cert, PEM.")
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "How long the certificates of connectors live: 10m to 7d; a day where nothing is said.",
            discussion: "They are renewed by themselves after two thirds of it."))
    var certificateLife: String?

    @Option(help: "The name of the first tenant.")
    var tenant = "default"

    @Option(help: "Write the administrator's credential to this file (mode 0600), and do not print it.")
    var adminFile: String?

    func validate() throws {
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key go together")
        }
        guard certificateLife == nil || lifeInSeconds != nil else {
            throw ValidationError("--certificate-life is a time from 10m to 7d, for example 24h")
        }
    }

    func run() async throws {
        try await report {
            var ownTLS: (chainPEM: String, keyPEM: String)?
            if let tlsCert, let tlsKey { ownTLS = (try Self.read(tlsCert), try Self.read(tlsKey)) }
            let plan = Installation.Plan(
                hosts: hosts, trustDomain: trustDomain, publicURL: publicURL ?? "https://\(hosts.first ?? ""):8443",
                ownTLS: ownTLS, certificateLife: lifeInSeconds)
            let installation = try await Installation.make(plan, in: state.folder, now: .now)
            let (tenant, secret) = try installation.createTenant(slug: tenant, name: tenant, now: .now)
            print(
                """
                Installation made in \(state.stateDir)
                  trust domain   \(installation.settings.trustDomain)
                  URL            \(installation.settings.publicURL)
                  CA certificate \(state.stateDir)/ca.pem
                  CA pin         \(try installation.authorityPin)
                  tenant         \(tenant.slug)
                """)
            try TenantsCommand.hand(over: secret, of: tenant, to: adminFile)
            print(
                """

                Next: move \(state.stateDir)/root.key to a safe place offline, then
                  postern-tenant serve --state-dir \(state.stateDir)
                  posternctl login --url \(installation.settings.publicURL) --ca-pin \(try installation.authorityPin)
                """)
        }
    }

    private var lifeInSeconds: Int? {
        guard let life = certificateLife.flatMap(Duration.init(text:)),
            InstallationSettings.certificateLives.contains(Int(life.components.seconds))
        else { return nil }
        return Int(life.components.seconds)
    }

    private static func read(_ path: String) throws -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw CommandFailure(.usage, "cannot read \(path)")
        }
        return text
    }
}
