internal import ArgumentParser
internal import AuditLog
internal import AuditStore
internal import EnrollmentProtocol
internal import Logging
internal import RelayFormat
internal import EnrollmentClient
internal import Foundation
internal import IdentityStore

/// `postern register`.
struct RegisterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register",
        abstract: "Registers this machine with an invitation, once.",
        discussion: """
            Looks at the server first and sends the secret only if it is the tenant of the invitation. The private key \
            is made here and never leaves this machine. Run again after a failure, it goes on where it stopped.
            """)

    @OptionGroup var invitation: InvitationOptions
    @OptionGroup var state: StateOptions

    @Option(help: "What the administrator shall read beside the connector's id; the host's name unless given.")
    var name: String?
    @Option(help: "The authorities of the server's own TLS certificate, in PEM; the system's unless given.")
    var caFile: String?
    @Flag(help: "Stop before the key is made and the invitation is used.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await report(json: json) {
            let network = try NetworkSettings.fromEnvironment()
            let request = try invitation.request(
                displayName: String((name ?? ProcessInfo.processInfo.hostName).prefix(63)))
            let outcome = try await Registration(
                request, store: state.store, proxies: network.proxies,
                authorityFile: caFile.map(Self.absolute) ?? network.authorityFile, version: PosternVersion.text
            ).run(isRehearsal: dryRun, now: Date()) { step in
                if !json { print("✓ \(step)") }
            }
            if case .registered(let identity) = outcome { await record(identity) }
            try tell(outcome)
        }
    }

    private func record(_ identity: LoadedIdentity) async {
        let record = identity.record
        do {
            let audit = try await ConnectorAudit.open(state, logger: Logger(label: "postern"))
            try await audit.record(
                "connector.register", by: .init(kind: "operator"), on: "connectors/\(record.connectorID)",
                [
                    "tenant": record.tenant.slug, "account": record.account, "url": record.tenantURL,
                    "not_after": RFC3339.text(of: record.notAfter),
                ])
            await audit.trail.file.close()
        } catch {
            FileHandle.standardError.write(Data("warning: the registration is not on record: \(error)\n".utf8))
        }
    }

    private func tell(_ outcome: Registration.Outcome) throws {
        let next = "postern run --state-dir \(state.stateDir)"
        switch outcome {
        case .rehearsed:
            print(
                json
                    ? #"{"state":"rehearsed"}"#
                    : "\nAll is well. This was a dry run: no key was made and the invitation was not used.")
        case .registered(let identity):
            print(json ? try IdentitySummary(identity, state: "registered").json() : "\nRegistered. Next: \(next)")
        case .alreadyRegistered(let identity):
            print(
                json
                    ? try IdentitySummary(identity, state: "already_registered").json()
                    : "This machine was registered by this invitation before: connector "
                        + "\(identity.record.connectorID). Next: \(next)")
        }
    }

    /// The path as it is stored, so that the service finds the file from wherever it is started.
    private static func absolute(_ path: String) -> String {
        URL(filePath: path, relativeTo: URL(filePath: FileManager.default.currentDirectoryPath)).standardizedFileURL
            .path
    }
}
