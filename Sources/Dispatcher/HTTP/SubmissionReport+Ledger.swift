internal import DispatcherProtocol
internal import Foundation
internal import RelayDelivery
internal import RelayFormat

extension Timestamp {
    /// The same moment in the API.
    init(_ time: RelayTime) {
        self.init(milliseconds: time.milliseconds)
    }
}

extension SubmissionReport {
    /// Reports on a request of the ledger.
    init(_ request: DurableRequest) {
        self.init(
            requestID: "\(request.id)", state: LedgerFilter.State(request.ending).rawValue, group: request.groupName,
            service: request.service, submittedAt: Timestamp(request.submittedAt),
            deadline: Timestamp(request.progress.deadline))
        guard let ending = request.ending else { return }
        endedAt = Timestamp(ending.at)
        connector = ending.connectorName ?? ending.connector?.description
        attempt = ending.attempt
        switch ending.outcome {
        case .http(let content):
            status = Int(content.status)
            headers = Dictionary(content.headers.map { ($0.name.lowercased(), $0.value) }) { "\($0), \($1)" }
            body = String(validating: content.body, as: UTF8.self)
            if body == nil { bodyBase64 = Data(content.body).base64EncodedString() }
        case .failed(let reason):
            failure = Failure(code: reason.code.name, detail: reason.detail)
        }
    }
}
