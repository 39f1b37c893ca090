internal import ArgumentParser
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation

/// What to register with: one invitation, or its parts.
struct InvitationOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The invitation; - reads it from standard input.",
            discussion: "Also by POSTERN_INVITATION or --invitation-file, which no list of processes shows."))
    var invitation: String?

    @Option(help: "A file with the invitation.") var invitationFile: String?
    @Option(help: "Without an invitation: the tenant's URL.") var url: String?
    @Option(help: "Without an invitation: the service account.") var account: String?
    @Option(help: "Without an invitation: a file with the enrollment secret; - reads standard input.")
    var secretFile: String?
    @Option(help: "Without an invitation: the environment variable with the enrollment secret.") var secretEnv: String?
    @Option(help: "Without an invitation: the pin of the installation's root, sha256:…") var caPin: String?
    @Option(help: "Without an invitation: the pin of the TLS certificate's issuer, sha256:…") var issuerPin: String?
    @Option(help: "Without an invitation: the pin of the tenant's Key Authority, sha256:…") var keyAuthorityPin: String?

    func validate() throws {
        guard invitation == nil || invitationFile == nil else {
            throw ValidationError("Give the invitation once: as an argument or by --invitation-file.")
        }
        if url == nil {
            guard [account, secretFile, secretEnv, caPin, issuerPin, keyAuthorityPin].allSatisfy({ $0 == nil }) else {
                throw ValidationError("The parts of an invitation begin with --url.")
            }
        } else {
            guard invitation == nil, invitationFile == nil else {
                throw ValidationError("Give either an invitation or its parts.")
            }
            guard account != nil, caPin != nil, (secretFile == nil) != (secretEnv == nil) else {
                throw ValidationError("--url needs --account, --ca-pin, and one of --secret-file and --secret-env.")
            }
        }
    }

    /// Reads all that was given.
    func request(displayName: String?) throws -> RegistrationRequest {
        guard let url, let account, let caPin else {
            return try RegistrationRequest(Invitation(invitationText()), displayName: displayName)
        }
        let secret: String
        if let secretFile {
            secret = try SecretSource.read(file: secretFile)
        } else {
            secret = try SecretSource.read(variable: secretEnv ?? "")
        }
        let token = try SecretToken(secret)
        guard token.kind == .enrollment else {
            throw CommandFailure(
                .secret, "This secret is of another kind: \(token.kind.rawValue)_… instead of pse_….",
                advice: "Use the enrollment's secret, which the administrator gets with the invitation.")
        }
        return RegistrationRequest(
            endpoint: try TenantEndpoint(url), account: account, secret: token,
            expectation: .init(
                serverIssuer: try issuerPin.map { try Self.pin($0, "--issuer-pin") },
                authority: try Self.pin(caPin, "--ca-pin")),
            keyAuthority: try keyAuthorityPin.map { try Self.pin($0, "--key-authority-pin") }, displayName: displayName)
    }

    private func invitationText() throws -> String {
        if let invitationFile { return try SecretSource.read(file: invitationFile) }
        if invitation == "-" { return try SecretSource.read(file: "-") }
        guard let text = invitation ?? ProcessInfo.processInfo.environment["POSTERN_INVITATION"] else {
            throw CommandFailure(
                .usage, "There is no invitation.",
                advice: "Ask the tenant's administrator for one, then: postern register <invitation>")
        }
        return text
    }

    /// Reads a pin that an option gives.
    static func pin(_ text: String, _ option: String) throws -> Pin {
        let lower = text.lowercased()
        guard let pin = Pin(lower.hasPrefix("sha256:") ? lower : "sha256:" + lower) else {
            throw CommandFailure(.usage, "\(option) is no pin.", advice: "It is sha256: and 64 hexadecimal digits.")
        }
        return pin
    }
}
