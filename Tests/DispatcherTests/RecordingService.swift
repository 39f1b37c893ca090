import ConnectorServices
import RelayFormat
import Synchronization

/// A service that keeps what it was asked and answers as its test says.
final class RecordingService: ConnectorService {
    typealias Answer = @Sendable (HTTPRequestContent) async -> ResponseMessage.Outcome

    let kind = "recording"
    private let requests = Mutex<[HTTPRequestContent]>([])
    private let answer: Answer

    init(_ answer: @escaping Answer) {
        self.answer = answer
    }

    /// What it was asked, in order.
    var received: [HTTPRequestContent] { requests.withLock { $0 } }

    func authorize(_ operation: RequestMessage.Operation) throws(RequestFailure) {}

    func perform(
        _ operation: RequestMessage.Operation, as requestClass: RequestClass, timeout: Duration
    ) async -> ResponseMessage.Outcome {
        switch operation {
        case .http(let content):
            requests.withLock { $0.append(content) }
            return await answer(content)
        }
    }
}
