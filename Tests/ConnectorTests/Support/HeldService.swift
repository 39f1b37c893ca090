import BrokerCore
import ConnectorServices
import RelayFormat
import Synchronization

/// A service that answers when the test says so, and notices when it is torn down.
final class HeldService: ConnectorService {
    let kind = "held"
    let gate: ServiceGate?
    /// The targets of its executions, as they begin.
    let began = Mailbox<String>()
    private let waiting = Mutex<[Mailbox<Void>]>([])
    private let executions = Mutex<[String]>([])

    init(limits: ServiceLimits = ServiceLimits()) {
        gate = ServiceGate(limits)
    }

    var executed: [String] { executions.withLock { $0 } }

    /// Lets the execution answer that has waited longest.
    func release() { waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }?.put([()]) }

    func authorize(_ operation: RequestMessage.Operation) throws(RequestFailure) {}

    func perform(
        _ operation: RequestMessage.Operation, as requestClass: RequestClass, timeout: Duration
    ) async -> ResponseMessage.Outcome {
        guard case .http(let content) = operation else { return .failed(RequestFailure(.targetFailed, "not HTTP")) }
        executions.withLock { $0.append(content.target) }
        let leave = Mailbox<Void>()
        waiting.withLock { $0.append(leave) }
        began.put([content.target])
        guard await leave.take() != nil else { return .failed(RequestFailure(.outcomeUnknown, "it was torn down")) }
        return .http(HTTPResponseContent(status: 200, headers: [], body: Array(content.target.utf8)[...]))
    }
}
