import ConnectorServices
import RelayFormat
import Synchronization

/// A service that answers with what it was sent and an addition, and remembers each execution.
final class WitnessService: ConnectorService {
    let kind = "witness"
    private let addition: String
    private let isHeld = Atomic(false)
    private let targets = Mutex<[String]>([])

    init(addition: String = "") {
        self.addition = addition
    }

    /// The targets of all executions, in order.
    var executed: [String] { targets.withLock { $0 } }

    /// Lets executions wait until they are let go.
    func hold(_ isHeld: Bool) { self.isHeld.store(isHeld, ordering: .relaxed) }

    func authorize(_ operation: RequestMessage.Operation) throws(RequestFailure) {}

    func requestClass(of operation: RequestMessage.Operation) -> RequestClass { .safe }

    func perform(
        _ operation: RequestMessage.Operation, as requestClass: RequestClass, timeout: Duration
    ) async -> ResponseMessage.Outcome {
        guard case .http(let content) = operation else { return .failed(RequestFailure(.targetFailed, "not HTTP")) }
        targets.withLock { $0.append(content.target) }
        while isHeld.load(ordering: .relaxed), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(5)) }
        return .http(
            HTTPResponseContent(
                status: 200, headers: [HTTPHeaderField("X-Witness", addition)],
                body: content.body + Array(addition.utf8)))
    }
}
