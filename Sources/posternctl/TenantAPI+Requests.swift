internal import DispatcherProtocol
internal import EnrollmentClient
internal import Foundation
internal import HTTPProblems

/// Submissions, and what became of requests.
extension TenantAPI {
    private static let longestAnswer = 8 << 20

    /// Hands a request over to the tenant's ledger.
    func submit(_ submission: SubmissionRequest, to group: String) async throws -> SubmissionReport {
        try await ask("POST", "/v1/groups/\(group.percentEncoded)/submissions", body: submission)
    }

    /// How a submission stands, after a wait of so many seconds at the most.
    func submission(_ id: String, of group: String, wait seconds: Int) async throws -> SubmissionReport {
        try await ask(
            "GET", "/v1/groups/\(group.percentEncoded)/submissions/\(id.percentEncoded)",
            headers: [("prefer", "wait=\(seconds)")])
    }

    /// The newest requests.
    func requests(state: String?, group: String?, limit: Int) async throws -> RequestList {
        var query = "?limit=\(limit)"
        if let state { query += "&state=\(state.percentEncoded)" }
        if let group { query += "&group=\(group.percentEncoded)" }
        return try await ask("GET", "/v1/requests" + query)
    }

    /// One request with its history.
    func request(_ id: String) async throws -> RequestReport {
        try await ask("GET", "/v1/requests/\(id.percentEncoded)")
    }

    /// The story of a request for people.
    func why(_ id: String) async throws -> String {
        let response = try await exchange("GET", "/v1/requests/\(id.percentEncoded)/why")
        return String(decoding: response.body, as: UTF8.self)
    }

    /// Cancels a request.
    func cancel(_ id: String) async throws -> CancelAnswer {
        try await ask("POST", "/v1/requests/\(id.percentEncoded)/cancel")
    }

    /// Takes a request up again.
    func redrive(_ id: String, _ terms: RedriveRequest) async throws -> RequestReport {
        try await ask("POST", "/v1/requests/\(id.percentEncoded)/redrive", body: terms)
    }

    private func ask<Answer: Decodable>(
        _ method: String, _ path: String, headers: [(name: String, value: String)] = [],
        body: (some Encodable)? = String?.none
    ) async throws -> Answer {
        var bytes: [UInt8]?
        var headers = headers
        if let body {
            bytes = Array(try JSONEncoder().encode(body))
            headers.append(("content-type", "application/json"))
        }
        let response = try await exchange(method, path, headers: headers, body: bytes)
        return try JSONDecoder().decode(Answer.self, from: Data(response.body))
    }

    private func exchange(
        _ method: String, _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil
    ) async throws -> TenantResponse {
        let response = try await http.exchange(
            method, path, headers: headers, body: body, longestAnswer: Self.longestAnswer)
        if let problem = response.problem, response.status >= 400 { throw problem }
        return response
    }
}
