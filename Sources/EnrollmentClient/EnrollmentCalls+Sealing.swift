public import EnrollmentProtocol
internal import Foundation
internal import HTTPProblems
public import RelayFormat
public import RelaySealing

extension EnrollmentCalls {
    /// What a question for a group's epoch was answered.
    public enum EpochAnswer: Sendable {
        /// It is the one that the member knows.
        case unchanged
        /// It is another one; its signature is not checked.
        case manifest(EpochManifest)
        /// The group has none, or the member is not of the group.
        case none
    }

    /// The largest manifest: 4096 members of the larger suite.
    private static let longestManifest = 12 << 20

    /// Hands in the key to which secrets are sealed for this member from now on; the same one again changes nothing.
    public func put(_ statement: HPKEKeyStatement) async throws(EnrollmentClientError) {
        try await explained { () async throws(EnrollmentClientError) in
            try await http.call(
                "PUT", APIPath.hpkeKeys,
                body: HPKEKeyRequest(
                    suite: Int(statement.key.suite.rawValue), key: statement.key.rawRepresentation,
                    signature: statement.signature))
        }
    }

    /// Fetches the present epoch of a group.
    ///
    /// - Parameter known: the core of the epoch that the member has.
    public func presentEpoch(
        of group: GroupID, known: CoreHash? = nil
    ) async throws(EnrollmentClientError) -> EpochAnswer {
        try await explained { () async throws(EnrollmentClientError) in
            let path = APIPath.currentEpoch.replacingOccurrences(of: "{group}", with: group.description)
            var headers = [(name: "accept", value: "application/octet-stream, application/problem+json")]
            if let known { headers.append(("if-none-match", Self.tag(known))) }
            let response = try await http.exchange("GET", path, headers: headers, longestAnswer: Self.longestManifest)
            switch response.status {
            case 304: return .unchanged
            case 404 where response.problem?.code == EnrollmentProblem.notFound.rawValue: return .none
            default: break
            }
            if let problem = response.problem { throw TenantHTTPClient.error(problem) }
            guard let manifest = try? EpochManifest(decoding: response.body), manifest.core.group == group else {
                throw EnrollmentClientError(
                    .unexpectedAnswer, "\(http.endpoint) answered with an epoch that cannot be read.",
                    advice: "Look whether both versions fit.")
            }
            return .manifest(manifest)
        }
    }

    /// Fetches the tenant's Key Authority, and how it came to its key.
    public func keyAuthority() async throws(EnrollmentClientError) -> KeyAuthorityAnswer {
        try await explained { () async throws(EnrollmentClientError) in
            try await http.call("GET", APIPath.keyAuthority)
        }
    }

    private static func tag(_ hash: CoreHash) -> String {
        "\"" + hash.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\""
    }
}
