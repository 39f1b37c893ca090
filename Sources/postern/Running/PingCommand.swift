internal import ArgumentParser
internal import BrokerLink
internal import Connector
internal import EnrollmentClient
internal import Foundation
internal import IdentityStore
internal import Logging

/// `postern ping`.
struct PingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping",
        abstract: "Goes through the queue to the tenant's dispatcher and back, and says how long it took.",
        discussion: """
            With a running service its own link is used; without one, a link is opened for the time of the command.
            """)

    @OptionGroup var state: StateOptions
    @OptionGroup var network: NetworkOptions
    @OptionGroup var logging: LoggingOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await report {
            _ = try state.registeredRecord()
            let answer: ControlAnswer.Ping
            do {
                answer = try await ControlClient(path: state.controlSocket).ping()
            } catch ControlClient.Failure.notRunning {
                answer = try await ConnectorRuntime.pingAlone(
                    state.registeredIdentity(), in: state.store, network: network.settings(),
                    logger: logging.logger(label: "postern", quiet: true))
            } catch ControlClient.Failure.unexpected(let text) {
                throw CommandFailure(.unexpected, text, advice: "Are service and command of the same version?")
            }
            if json {
                print(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self))
            } else if let milliseconds = answer.milliseconds, let dispatcher = answer.dispatcher {
                let text = milliseconds.formatted(.number.precision(.fractionLength(2)))
                print("connector -> queue -> dispatcher -> queue -> connector: \(text) ms (dispatcher \(dispatcher))")
            }
            if let failure = answer.failure {
                throw CommandFailure(
                    .network, "no round trip: \(failure)",
                    advice: "'postern status' says whether the link is up; if it is, the tenant's dispatcher is not.")
            }
        }
    }
}
