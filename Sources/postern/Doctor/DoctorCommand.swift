internal import ArgumentParser
internal import Diagnostics
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import MachineIdentity
internal import RelayFormat

/// `postern doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks at everything between this machine and its tenant, and says what is wrong and how to mend it.",
        discussion: """
            Each row is ok, warn, FAIL or skipped; the first FAIL is the cause, and what rests on it is skipped. A check \
            takes three seconds at most. It changes nothing, works beside a running service, and before registration:

              postern doctor --invitation-file invitation.txt
              postern doctor --url https://tenant.example.org:8443 --ca-pin sha256:…

            An invitation's secret is neither sent nor shown.

            Exit codes: 0 nothing failed (warnings do not count); 2 the arguments make no sense; 12 something failed.
            """)

    @OptionGroup var state: StateOptions
    @OptionGroup var network: NetworkOptions
    @OptionGroup var logging: LoggingOptions

    @Option(help: "The configuration file.") var config = "/etc/postern/connector.yaml"
    @Option(help: "Before registration: the tenant's URL.") var url: String?
    @Option(help: "Before registration: the pin of the installation's root, sha256:…") var caPin: String?
    @Option(help: "Before registration: the pin of the TLS certificate's issuer, sha256:…") var issuerPin: String?
    @Option(help: "Before registration: a file with the invitation; - reads standard input.")
    var invitationFile: String?
    @Option(help: "Before registration: the authorities of the server's own TLS certificate, in PEM.")
    var caFile: String?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard url == nil || invitationFile == nil else {
            throw ValidationError("Give either --url or --invitation-file.")
        }
        guard url != nil || (caPin == nil && issuerPin == nil) else {
            throw ValidationError("--ca-pin and --issuer-pin belong to --url.")
        }
    }

    func run() async throws {
        try await report(json: json) {
            let subject = DoctorSubject(
                state: state, configurationFile: config, network: network, prospect: try prospect())
            if subject.prospect != nil, subject.loaded != nil {
                throw CommandFailure(
                    .usage, "this machine is registered already (\(state.stateDir))",
                    advice: "Leave --url and --invitation-file out, or name another folder by --state-dir.",
                    reason: "already-registered")
            }
            let report = await DoctorProbes(subject, logger: logging.logger(label: "postern", quiet: true)).run()
            try tell(report, subject)
            if !report.isHealthy { throw ExitCode(PosternExitCode.doctor.rawValue) }
        }
    }

    private func prospect() throws -> DoctorSubject.Prospect? {
        if let invitationFile {
            let invitation = try Invitation(SecretSource.read(file: invitationFile))
            return .init(
                endpoint: try TenantEndpoint(invitation.url), serverIssuer: invitation.serverIssuer,
                authority: invitation.authority, authorityFile: caFile)
        }
        guard let url else { return nil }
        return .init(
            endpoint: try TenantEndpoint(url),
            serverIssuer: try issuerPin.map { try InvitationOptions.pin($0, "--issuer-pin") },
            authority: try caPin.map { try InvitationOptions.pin($0, "--ca-pin") }, authorityFile: caFile)
    }

    private func tell(_ report: DiagnosisReport, _ subject: DoctorSubject) throws {
        guard json else {
            let place = subject.endpoint.map { " · \($0)" } ?? ""
            print("postern \(PosternVersion.text) · \(state.stateDir)\(place)\n")
            print(report.lines.joined(separator: "\n"))
            return print("\n\(report.verdict)")
        }
        struct Answer: Encodable {
            let version: String
            let stateDir: String
            let tenantURL: String?
            let healthy: Bool
            let firstFailure: String?
            let rows: [DiagnosisRow]
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let answer = Answer(
            version: PosternVersion.text, stateDir: state.stateDir, tenantURL: subject.endpoint?.description,
            healthy: report.isHealthy, firstFailure: report.failures.first?.rawValue, rows: report.rows)
        print(String(decoding: try encoder.encode(answer), as: UTF8.self))
    }
}
