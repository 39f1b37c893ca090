internal import Connector

extension StateOptions {
    /// Asks or orders the running service; that there is none ends the command with code 8.
    func asked<Answer>(_ ask: () async throws(ControlClient.Failure) -> Answer) async throws -> Answer {
        do throws(ControlClient.Failure) {
            return try await ask()
        } catch {
            switch error {
            case .notRunning:
                throw CommandFailure(
                    .network, "no service runs with the state folder \(stateDir)",
                    advice: "Start it with 'postern run', or name another folder with --state-dir.",
                    reason: "not-running")
            case .refused(let text):
                throw CommandFailure(
                    .unexpected, text, advice: "'postern status' says how it stands.", reason: "refused")
            case .unexpected(let text):
                throw CommandFailure(.unexpected, text, advice: "Are service and command of the same version?")
            }
        }
    }
}
