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

            Where an administrator has to approve it, it shows the words of its key and waits: exit code 3 when --wait \
            has ended, and the same command goes on. Rejected: 6; too late: 7.

            With --replace a machine that is registered (lost, revoked, or beyond recovery) gets a new identity and \
            keeps its name. The old files are kept in the folder 'previous' of the state folder, one generation of them.

            With --key the private key is made in an HSM or TPM, as is that of each renewal, and never leaves it; the \
            state folder only names it. The service needs the token and its PIN then, too. With --replace the new key is \
            made where the old one was, unless --key says another place.
            """)

    @OptionGroup var invitation: InvitationOptions
    @OptionGroup var state: StateOptions
    @OptionGroup var network: NetworkOptions
    @OptionGroup var keys: KeyOptions

    @Option(help: "What the administrator shall read beside the connector's id; the host's name unless given.")
    var name: String?
    @Option(help: "The authorities of the server's own TLS certificate, in PEM; the system's unless given.")
    var caFile: String?
    @Option(help: "How long to wait for an administrator's approval where one is needed, as 90s or 2h; else 10m.")
    var wait: TimeSpan?
    @Flag(help: "Give a machine that is registered a new identity; stop its service first.") var replace = false
    @Flag(help: "Stop before the key is made and the invitation is used.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await report(json: json) {
            let network = try network.settings()
            let store = state.store(newKeys: try keys.newKeys)
            let patience = wait?.duration ?? .seconds(600)
            let authorityFile = caFile.map(Self.absolute) ?? network.authorityFile
            func register(in store: FolderIdentityStore, named kept: String?) async throws -> Registration.Outcome {
                let request = try invitation.request(
                    displayName: String((name ?? kept ?? ProcessInfo.processInfo.hostName).prefix(63)))
                return try await Registration(
                    request, store: store, proxies: network.proxies, authorityFile: authorityFile,
                    version: PosternVersion.text, patience: patience
                ).run(isRehearsal: dryRun, now: Date()) { step in
                    if !json { Self.show(step) }
                }
            }
            guard replace else {
                let outcome = try await register(in: store, named: nil)
                await record(outcome)
                return try tell(outcome)
            }
            let replaced = try await IdentityExchange(store: store, stateDir: state.stateDir, network: network)
                .run { try await register(in: $0, named: $1) }
            await record(replaced.outcome)
            try tell(replaced.outcome, replaced: replaced.old)
        }
    }

    /// Shows a step at once: what waits for a person is of no use in a buffer.
    private static func show(_ step: RegistrationStep) {
        let isWaiting = if case .approval = step { true } else { false }
        FileHandle.standardOutput.write(Data("\(isWaiting ? "…" : "✓") \(step)\n".utf8))
    }

    /// Puts a new registration on record.
    private func record(_ outcome: Registration.Outcome) async {
        guard case .registered(let identity) = outcome else { return }
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

    private func tell(_ outcome: Registration.Outcome, replaced: IdentityExchange.Old? = nil) throws {
        if let replaced, !json { print("\n" + replaced.text) }
        let next = "postern run --state-dir \(state.stateDir)"
        switch outcome {
        case .rehearsed:
            print(
                json
                    ? #"{"state":"rehearsed"}"#
                    : "\nAll is well. This was a dry run: no key was made and the invitation was not used.")
        case .registered(let identity):
            print(
                json
                    ? try IdentitySummary(identity, state: "registered", replaced: replaced).json()
                    : "\nRegistered. Next: \(next)")
        case .alreadyRegistered(let identity):
            print(
                json
                    ? try IdentitySummary(identity, state: "already_registered", replaced: replaced).json()
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
