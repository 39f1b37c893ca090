internal import ArgumentParser
internal import Connector
internal import Foundation

/// `postern drain`.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Lets the running service finish what it has and end, without an error for anyone.",
        discussion: """
            What has not started goes to the other connectors of the group at once; what runs may finish within --max.
            The service then ends with exit code 11, and systemd leaves it down ('systemctl start postern' starts it
            again). This command waits until it has ended.

            Exit codes: 0 the service has ended; 1 it has not ended in time; 8 no service was running.
            """)

    @OptionGroup var state: StateOptions
    @Option(help: "How long running requests may take, as 90s or 10m; else 'limits.drain' of the configuration.")
    var max: TimeSpan?
    @Option(help: "Why, for people; the tenant's operators see it.") var note = ""

    func validate() throws { try NoteOption.check(note) }

    func run() async throws {
        try await report {
            let client = ControlClient(path: state.controlSocket)
            let limit = max
            var status = try await state.asked { [note] () async throws(ControlClient.Failure) in
                try await client.drain(ControlOrder.Drain(maxSeconds: limit?.seconds, note: note))
            }
            let begun = ContinuousClock.now
            // The configured time is not known here; the service keeps to it by itself.
            let end = begun + (limit?.duration ?? .seconds(3600)) + .seconds(30)
            var shown = -1
            while ContinuousClock.now < end {
                if status.inFlight != shown {
                    shown = status.inFlight
                    print(shown == 1 ? "draining: 1 request left" : "draining: \(shown) requests left")
                }
                try await Task.sleep(for: .milliseconds(200))
                do throws(ControlClient.Failure) {
                    status = try await client.status()
                } catch .notRunning {
                    let seconds = (ContinuousClock.now - begun) / .seconds(1)
                    return print(
                        "drained: the service has ended after \(seconds.formatted(.number.precision(.fractionLength(1)))) s"
                    )
                } catch {
                    // A service that is busy ending may be slow to answer.
                    continue
                }
            }
            throw CommandFailure(
                .unexpected, "the service has not ended; it still has \(status.inFlight) requests",
                advice: "'postern status' and its log say more; a SIGTERM, and a second one, end it at once.")
        }
    }
}
