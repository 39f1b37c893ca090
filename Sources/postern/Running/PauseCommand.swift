internal import ArgumentParser
internal import Connector
internal import Foundation

/// `postern pause`.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Lets the running service take no new work for a while; what runs goes on.",
        discussion: """
            The other connectors of the group take the work; without another one, calls fail with no_connector. The
            pause survives a restart of the service and ends by itself after --for, or by 'postern resume'.

            Exit codes: 0 paused; 1 refused; 8 no service was running.
            """)

    @OptionGroup var state: StateOptions
    @Option(help: "Why, for people; the tenant's operators see it.") var note: String
    @Option(name: .customLong("for"), help: "For how long, as 30m or 2h; else until 'postern resume'.")
    var time: TimeSpan?

    func validate() throws {
        guard !note.isEmpty else { throw ValidationError("--note says why, for those who find the connector paused") }
        try NoteOption.check(note)
    }

    func run() async throws {
        try await report {
            let order = ControlOrder.Pause(note: note, forSeconds: time?.seconds)
            let status = try await state.asked { () async throws(ControlClient.Failure) in
                try await ControlClient(path: state.controlSocket).pause(order)
            }
            print("paused \(status.pause?.until.map { "until \($0)" } ?? "until 'postern resume'")")
            if status.inFlight > 0 { print("\(status.inFlight) requests in hand go on") }
        }
    }
}

/// `postern resume`.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Lets a paused service take work again.",
        discussion: "Exit codes: 0 it takes work; 1 refused; 8 no service was running.")

    @OptionGroup var state: StateOptions

    func run() async throws {
        try await report {
            let status = try await state.asked { () async throws(ControlClient.Failure) in
                try await ControlClient(path: state.controlSocket).resume()
            }
            print("\(status.state.rawValue): \(status.reason)")
        }
    }
}
