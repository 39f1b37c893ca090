internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import MachineIdentity

/// A registration that an administrator has to approve first: an end of a request that is neither refusal nor success.
struct PendingApproval: Error {
    /// After how many seconds to ask again.
    static let retryAfter = 5

    let id: String
    let enrollment: String
    let key: KeyFingerprint
    let expiresAt: Date
    /// Whether it came just now.
    let isNew: Bool

    /// 202 with the id and the time after which to ask again.
    func response(_ call: Call) throws -> Response {
        var response = try call.answer(
            PendingAnswer(id: id, keyWords: key.words, expiresAt: expiresAt, retryAfter: Self.retryAfter),
            status: .accepted, location: "\(APIPath.enrollments)/\(enrollment)")
        response.headers[.retryAfter] = String(Self.retryAfter)
        return response
    }
}
