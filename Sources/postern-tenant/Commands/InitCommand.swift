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

            A root that your company has already takes the place of our own: with --ca-cert and --ca-key it signs the
            intermediate here; or --ca-csr writes a request for it and ends, and --ca-chain goes on with what came back.

            Tenant and connectors meet at a broker that is embedded in 'postern-tenant serve', or on a Kafka cluster that
            is there already: --broker kafka --bootstrap host:port, with the options for Kafka below.
            """)

    /// Where tenant and connectors meet.
    enum BrokerKind: String, CaseIterable, ExpressibleByArgument { case embedded, kafka }

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

    @Option(help: "Your company's root certificate, PEM, in place of a root of our own; it signs with --ca-key.")
    var caCert: String?

    @Option(help: "The key of --ca-cert, PEM, on P-256 or P-384; it is not kept.")
    var caKey: String?

    @Option(help: "Only write a request for the intermediate to this file, for your company's root to sign.")
    var caCsr: String?

    @Option(help: "What came back for the request of --ca-csr, PEM: the intermediate, then the root.")
    var caChain: String?

    @Option(
        help: ArgumentHelp(
            "How long the certificates of connectors live: 10m to 7d; a day where nothing is said.",
            discussion: "They are renewed by themselves after two thirds of it."))
    var certificateLife: String?

    @Option(help: "The name of the first tenant.")
    var tenant = "default"

    @Option(help: "Write the administrator's credential to this file (mode 0600), and do not print it.")
    var adminFile: String?

    @Option(help: "Where tenant and connectors meet: embedded, or kafka.")
    var broker = BrokerKind.embedded

    @OptionGroup(title: "Options for Kafka")
    var kafka: KafkaOptions

    func validate() throws {
        guard broker == .kafka || kafka.isEmpty else {
            throw ValidationError("the options for Kafka go with --broker kafka")
        }
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key go together")
        }
        guard (caCert == nil) == (caKey == nil) else { throw ValidationError("--ca-cert and --ca-key go together") }
        guard [caCert, caCsr, caChain].compactMap({ $0 }).count <= 1 else {
            throw ValidationError("--ca-cert, --ca-csr and --ca-chain exclude one another")
        }
        guard certificateLife == nil || lifeInSeconds != nil else {
            throw ValidationError("--certificate-life is a time from 10m to 7d, for example 24h")
        }
    }

    func run() async throws {
        try await report {
            var ownTLS: (chainPEM: String, keyPEM: String)?
            if let tlsCert, let tlsKey { ownTLS = (try Self.read(tlsCert), try Self.read(tlsKey)) }
            var plan = Installation.Plan(
                hosts: hosts, trustDomain: trustDomain, publicURL: publicURL ?? "https://\(hosts.first ?? ""):8443",
                ownTLS: ownTLS, certificateLife: lifeInSeconds)
            if broker == .kafka { plan.kafka = try kafka.applied(to: nil) }
            if let caCsr {
                try Self.write(try Installation.requestFirstIntermediate(plan, in: state.folder), to: caCsr)
                return print(
                    """
                    The request is in \(caCsr). Let your root sign it as an authority (CA:TRUE, path length 0, keyCertSign),
                    then run the same init again with --ca-chain FILE in place of --ca-csr: the intermediate, then the root.
                    """)
            }
            if let caCert, let caKey {
                plan.authority = .companyRoot(certificatePEM: try Self.read(caCert), keyPEM: try Self.read(caKey))
            } else if let caChain {
                plan.authority = .signedRequest(chainPEM: try Self.read(caChain))
            }
            let hasRoot = caCert == nil && caChain == nil
            let installation = try await Installation.make(plan, in: state.folder, now: .now)
            let slug = tenant
            let (tenant, secret) = try await OperatorAct(installation: installation).perform(
                "installation.init", on: "tenants/\(slug)",
                { try installation.createTenant(slug: slug, name: slug, now: .now) })
            print(
                """
                Installation made in \(state.stateDir)
                  trust domain   \(installation.settings.trustDomain)
                  URL            \(installation.settings.publicURL)
                  CA certificate \(state.stateDir)/ca.pem
                  CA pin         \(try installation.authorityPin)
                  tenant         \(tenant.slug)
                """)
            if let kafka = installation.settings.kafka {
                print("  Kafka          \(kafka.tenant.bootstrap)")
            }
            try TenantsCommand.hand(over: secret, of: tenant, to: adminFile)
            print(
                """

                Next:\(hasRoot ? " move \(state.stateDir)/root.key to a safe place offline, then" : "")
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

    static func write(_ text: String, to path: String) throws {
        do { try text.write(toFile: path, atomically: true, encoding: .utf8) } catch {
            throw CommandFailure(.usage, "cannot write \(path): \(error.localizedDescription)")
        }
    }

    static func read(_ path: String) throws -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw CommandFailure(.usage, "cannot read \(path)")
        }
        return text
    }
}
