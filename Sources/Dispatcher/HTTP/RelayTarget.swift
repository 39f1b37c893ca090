internal import Foundation

/// The parts of `/v1/groups/{group}/services/{service}/{path…}`, the last one untouched.
struct RelayTarget: Equatable {
    /// The group's name.
    var group: String
    /// The service's name.
    var service: String
    /// Path and query for the service, as they stood; begins with a slash.
    var rest: String

    /// Splits a raw request target.
    ///
    /// - Throws: a `malformed-request` problem for one that is not of the form.
    init(path: String) throws {
        let question = path.firstIndex(of: "?") ?? path.endIndex
        let parts = path[..<question].split(separator: "/", maxSplits: 6, omittingEmptySubsequences: false)
        guard parts.count >= 6, let group = String(parts[3]).removingPercentEncoding,
            let service = String(parts[5]).removingPercentEncoding, !group.isEmpty, !service.isEmpty
        else { throw RelayAnswer.malformed("the path is /v1/groups/{group}/services/{service}/{path}") }
        self.group = group
        self.service = service
        rest = "/" + (parts.count > 6 ? String(parts[6]) : "") + path[question...]
    }
}
