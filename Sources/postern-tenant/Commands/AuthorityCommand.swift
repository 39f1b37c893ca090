internal import ArgumentParser
internal import CertificateAuthority
internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

/// `postern-tenant ca`.
struct AuthorityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ca", abstract: "The authority that issues certificates to machines.",
        subcommands: [Rotate.self, Request.self, Install.self, RenewTLS.self])

    struct Request: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes a request for the next intermediate, to be signed where the root's key is.",
            discussion: "What comes back is put in place with 'postern-tenant ca install'.")
        @OptionGroup var state: StateOptions
        @Option(help: "The file for the certificate request, PEM.") var out: String

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let request = try await OperatorAct(installation: installation).perform(
                    "ca.request", on: "intermediate", { try installation.requestIntermediate() })
                try InitCommand.write(request, to: out)
                print(
                    """
                    The request is in \(out). Let the root sign it as an authority (CA:TRUE, path length 0, keyCertSign), then
                      postern-tenant ca install CHAIN --state-dir \(state.stateDir)
                    """)
            }
        }
    }

    struct Install: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Puts an intermediate that the root has signed on request in place; restart the tenant afterwards.")
        @OptionGroup var state: StateOptions
        @Argument(help: "The signed intermediate, PEM; the root may stand behind it.") var chain: String

        func run() async throws {
            try await report {
                let pem = try InitCommand.read(chain)
                let rotation = try await AuthorityCommand.rotate("ca.install", in: state) {
                    try await Installation.installIntermediate(pem, in: state.folder, now: .now)
                }
                print(
                    """
                    The intermediate is in place; it ends at \(RFC3339.text(of: rotation.notAfter)).
                    Intermediates from before that are still believed: \(rotation.stillTrusted)
                    Next: restart the tenant, and back the state folder up.
                    """)
            }
        }
    }

    struct RenewTLS: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "renew-tls",
            abstract:
                "Makes the port's own TLS certificate anew, for the hosts of init; restart the tenant afterwards.",
            discussion: """
                It lasts 397 days. Connectors and operators that trust the installation notice nothing; invitations
                that were handed out before name its issuer, and are void if the intermediate was rotated in between.
                """)
        @OptionGroup var state: StateOptions

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let end = try await OperatorAct(installation: installation).perform(
                    "ca.renew-tls", on: "TLS certificate", detail: { ["not_after": RFC3339.text(of: $0)] },
                    { try installation.renewTLS(now: .now) })
                print("The TLS certificate is made; it ends at \(RFC3339.text(of: end)). Next: restart the tenant.")
            }
        }
    }

    /// Puts another intermediate in place, and that on record.
    private static func rotate(
        _ action: String, in state: StateOptions, _ body: () async throws -> Installation.AuthorityRotation
    ) async throws -> Installation.AuthorityRotation {
        let installation = try await Installation.open(state.folder)
        return try await OperatorAct(installation: installation).perform(
            action, on: "intermediate",
            detail: {
                [
                    "certificate": CertificateFingerprint(certificate: $0.certificate).description,
                    "not_after": RFC3339.text(of: $0.notAfter), "still_trusted": "\($0.stillTrusted)",
                ]
            }, body)
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes the next intermediate with the root's key; restart the tenant afterwards.",
            discussion: """
                Bring root.key back into the state folder for this, or name it with --root-key, and take it away again.
                The intermediate from before stays believed until the last certificate of it has ended; machines get
                the new one with their next certificate. After a theft take --distrust-former: machines then have to
                prove themselves by their keys, or register again.
                """)
        @OptionGroup var state: StateOptions
        @Option(help: "The root's private key, PEM; root.key of the state folder where nothing is said.")
        var rootKey: String?
        @Flag(help: "Refuse all that intermediates from before have signed.") var distrustFormer = false

        func run() async throws {
            try await report {
                var pem: String?
                if let rootKey {
                    guard let text = try? String(contentsOfFile: rootKey, encoding: .utf8) else {
                        throw CommandFailure(.usage, "cannot read \(rootKey)")
                    }
                    pem = text
                }
                let rotation = try await AuthorityCommand.rotate("ca.rotate", in: state) {
                    try await Installation.rotateIntermediate(
                        in: state.folder, rootKeyPEM: pem, distrustFormer: distrustFormer, now: .now)
                }
                print(
                    """
                    The next intermediate is made; it ends at \(RFC3339.text(of: rotation.notAfter)).
                    Intermediates from before that are still believed: \(rotation.stillTrusted)

                    Next: take the root's key away again, restart the tenant so that it signs with the new intermediate,
                    and back the state folder up.
                    """)
            }
        }
    }
}
