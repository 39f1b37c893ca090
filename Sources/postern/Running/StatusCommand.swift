internal import ArgumentParser
internal import Connector
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore

/// `postern status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Says how the connector stands; never better than its last proven round trip.",
        discussion: """
            online: takes work, and a round trip to a dispatcher was proven within the last 15 seconds. paused: told to
            take no work. unproven: the link is up, and no dispatcher answers. disconnected: no link. draining: finishes
            what it has, then ends.

            With --watch it goes on until SIGINT: on a terminal the whole is drawn again each second, elsewhere only
            lines that have changed are printed.

            Exit codes: 0 online; 1 running and not online; 3 not registered; 8 not running.
            """)

    @OptionGroup var state: StateOptions
    @Flag(help: "Print JSON; with --watch an object a line.") var json = false
    @Flag(help: "Go on, and show what changes.") var watch = false

    func run() async throws {
        try await report {
            let record = try state.registeredRecord()
            let client = ControlClient(path: state.controlSocket)
            if watch {
                try await StatusWatch(client: client, stateDir: state.stateDir, json: json).run()
                return
            }
            let status: ConnectorStatus
            do {
                status = try await client.status()
            } catch ControlClient.Failure.notRunning {
                try printNotRunning(record)
                throw ExitCode(PosternExitCode.network.rawValue)
            } catch ControlClient.Failure.unexpected(let text) {
                throw CommandFailure(.unexpected, text, advice: "Are service and command of the same version?")
            }
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                print(String(decoding: try encoder.encode(status), as: UTF8.self))
            } else {
                print(StatusText(status).lines.joined(separator: "\n"))
            }
            if status.state != .online { throw ExitCode(PosternExitCode.unexpected.rawValue) }
        }
    }

    private func printNotRunning(_ record: StoredIdentity) throws {
        guard json else {
            return print(
                """
                not running: no service runs with the state folder \(state.stateDir)
                registered as \(record.connectorID) of tenant \(record.tenant.slug)
                next: postern run --state-dir \(state.stateDir)
                """)
        }
        let facts = [
            "state": "not_running", "connector": record.connectorID, "tenant": record.tenant.slug,
            "certificate_not_after": RFC3339.text(of: record.notAfter),
        ]
        print(String(decoding: try JSONEncoder().encode(facts), as: UTF8.self))
    }
}
