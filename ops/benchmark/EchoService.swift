internal import ConnectorServices
internal import RelayFormat

/// Answers with what it was sent, so that nothing but the relay is measured.
struct EchoService: ConnectorService {
    let kind = "echo"

    func authorize(_ operation: RequestMessage.Operation) throws(RequestFailure) {}

    func perform(
        _ operation: RequestMessage.Operation, as requestClass: RequestClass, timeout: Duration
    ) async -> ResponseMessage.Outcome {
        switch operation {
        case .http(let content):
            .http(HTTPResponseContent(status: 200, headers: content.headers, body: content.body))
        }
    }
}
