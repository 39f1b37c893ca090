internal import ArgumentParser
internal import RelayFormat
internal import Foundation
internal import IdentityStore

/// The connector's program.
@main
struct PosternCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "postern",
        abstract: "Lets a tenant reach systems inside this network, without an open port.",
        discussion: """
            Register once with an invitation, then run as a service.

            Exit codes: 0 ok · 1 unexpected · 2 usage or configuration · 3 not registered · 4 already registered · \
            5 identity in use elsewhere · 6 revoked or rejected · 7 enrollment secret invalid, used or expired · \
            8 network, TLS or proxy · 9 policy file invalid · 10 version refused · 11 drained on request · \
            12 doctor found failures
            """,
        version: PosternVersion.text,
        subcommands: [
            RegisterCommand.self, RunCommand.self, StatusCommand.self, PingCommand.self, DrainCommand.self,
            PauseCommand.self, ResumeCommand.self, IdentityCommand.self, RotateCommand.self,
            AuditCommand.self, UnregisterCommand.self, DoctorCommand.self,
            VersionCommand.self,
        ])

    /// Runs the command that the arguments name; arguments that make no sense end with the documented code 2.
    static func main() async {
        ProcessSecrecy.begin(ProcessInfo.processInfo.environment)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            FileHandle.standardError.write(Data((fullMessage(for: error) + "\n").utf8))
            exit(withError: ExitCode(PosternExitCode.usage.rawValue))
        }
    }
}
