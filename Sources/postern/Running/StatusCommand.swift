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
        discussion: "Exit codes: 0 online; 1 running and not online; 3 not registered; 8 not running.")

    @OptionGroup var state: StateOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await report {
            let identity = try state.registeredIdentity()
            let status: ConnectorStatus
            do {
                status = try await ControlClient(path: state.controlSocket).status()
            } catch ControlClient.Failure.notRunning {
                try printNotRunning(identity)
                throw ExitCode(PosternExitCode.network.rawValue)
            } catch ControlClient.Failure.unexpected(let text) {
                throw CommandFailure(.unexpected, text, advice: "Are service and command of the same version?")
            }
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                print(String(decoding: try encoder.encode(status), as: UTF8.self))
            } else {
                print(Self.text(of: status))
            }
            if status.state != .online { throw ExitCode(PosternExitCode.unexpected.rawValue) }
        }
    }

    private func printNotRunning(_ identity: LoadedIdentity) throws {
        let record = identity.record
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

    private static func text(of status: ConnectorStatus) -> String {
        var lines = [
            "\(status.state.rawValue) for \(Int(status.forSeconds)) s: \(status.reason)",
            "connector    \(status.name) (\(status.connector))",
            "tenant       \(status.tenant)",
            "groups       \(status.groups.joined(separator: ", "))",
            "services     "
                + status.services.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: ", "),
            "in flight    \(status.inFlight), finished \(status.finished)",
        ]
        if let trip = status.lastRoundTrip {
            let text = trip.milliseconds.formatted(.number.precision(.fractionLength(2)))
            lines.append("round trip   \(text) ms, proven \(Int(trip.ageSeconds)) s ago")
        }
        if let end = status.certificateNotAfter { lines.append("certificate  until \(end)") }
        if abs(status.clockDriftSeconds) > 5 {
            lines.append("clock        \(Int(status.clockDriftSeconds)) s ahead of the tenant's")
        }
        lines.append("version      \(status.version), start \(status.bootNumber)")
        if let action = status.nextAction { lines.append("next         \(action)") }
        return lines.joined(separator: "\n")
    }
}
