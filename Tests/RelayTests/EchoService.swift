import ConnectorServices
import RelayFormat
import Synchronization

/// A service of the tests: answers with what it was sent, counts its executions, and can be held back.
final class EchoService: ConnectorService {
    let kind = "echo"
    private let delay: Duration
    private let executions = Mutex<[String]>([])

    init(delay: Duration = .zero) {
        self.delay = delay
    }

    /// The targets of all executions, in order.
    var executed: [String] { executions.withLock { $0 } }

    func authorize(_ operation: RequestMessage.Operation) throws(RequestFailure) {
        guard case .http(let content) = operation, content.target != "/forbidden" else {
            throw RequestFailure(.deniedByPolicy, "not this one")
        }
    }

    func perform(
        _ operation: RequestMessage.Operation, as requestClass: RequestClass, timeout: Duration
    ) async -> ResponseMessage.Outcome {
        guard case .http(let content) = operation else { return .failed(RequestFailure(.targetFailed, "not HTTP")) }
        executions.withLock { $0.append(content.target) }
        if delay > .zero { try? await Task.sleep(for: delay) }
        return .http(HTTPResponseContent(status: 200, headers: [], body: content.body))
    }
}
