internal import DispatcherProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import HTTPProblems
internal import RelayDelivery
internal import RelayFormat
internal import TenantPort

/// Writes the answers of the dispatcher's HTTP API.
enum RelayAnswer {
    /// The service's answer as it was, but for what would speak for the tenant or break the framing.
    static func response(_ content: HTTPResponseContent, _ result: CallResult, isHead: Bool) -> Response {
        var headers = headers(of: result)
        // Only where no body belongs to the answer does the stated length say something else than the body does.
        let keepsLength = isHead || content.status == 304
        for field in HTTPHeaderField.endToEnd(content.headers) {
            guard let name = HTTPField.Name(field.name), !name.canonicalName.hasPrefix("postern-"),
                keepsLength || name != .contentLength
            else { continue }
            headers.append(HTTPField(name: name, value: field.value))
        }
        let body = content.body.isEmpty ? ResponseBody() : .init(byteBuffer: ByteBuffer(bytes: content.body))
        return Response(status: .init(code: Int(content.status)), headers: headers, body: body)
    }

    /// The service's answer as JSON.
    static func json(_ content: HTTPResponseContent, _ result: CallResult) throws -> Response {
        let text = String(validating: content.body, as: UTF8.self)
        let answer = CallAnswer(
            requestID: "\(result.request)", connector: result.connector ?? "", attempt: result.attempt,
            status: Int(content.status),
            headers: Dictionary(content.headers.map { ($0.name.lowercased(), $0.value) }) { "\($0), \($1)" },
            body: text, bodyBase64: text == nil ? Data(content.body).base64EncodedString() : nil)
        var response = try json(answer)
        for field in headers(of: result) { response.headers[field.name] = field.value }
        return response
    }

    /// Any value as JSON.
    static func json(_ value: some Encodable) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: try encoder.encode(value))))
    }

    /// A failure of the relay.
    static func problem(_ failure: RequestFailure, _ result: CallResult) -> ProblemResponse {
        let (status, title, retryable): (Int, String, Bool) =
            switch failure.code {
            case .noConnector: (503, "No connector is online", true)
            case .deadlineExceeded: (504, "The deadline passed", true)
            case .deniedByPolicy: (403, "The connector's policy denies the request", false)
            case .serviceUnknown: (404, "No connector offers the service", false)
            case .targetUnreachable: (502, "The service cannot be reached", true)
            case .outcomeUnknown: (502, "Nobody knows whether the request was carried out", false)
            case .overloaded: (429, "Too much is under way", true)
            case .responseTooLarge: (502, "The answer is too large", false)
            case .targetFailed: (502, "The service broke its answer off", false)
            case .cancelled: (409, "The request was cancelled", true)
            case .deadLetter: (502, "The request was given up", false)
            }
        let retryAfter: Int? =
            switch failure.code {
            case .overloaded: 1
            case .noConnector: 5
            default: nil
            }
        let details = ProblemDetails(
            code: failure.code.name, title: title, status: status, detail: failure.detail,
            instance: "\(result.request)", retryable: retryable, retryAfter: retryAfter)
        return ProblemResponse(details, headers: headers(of: result))
    }

    static func malformed(_ detail: String) -> ProblemResponse {
        ProblemResponse(
            ProblemDetails(code: "malformed-request", title: "The request is malformed", status: 400, detail: detail))
    }

    static func unauthorized(_ detail: String) -> ProblemResponse {
        ProblemResponse(
            ProblemDetails(
                code: "invalid-credentials", title: "The credentials are not valid", status: 401, detail: detail))
    }

    static func notFound(_ detail: String) -> ProblemResponse {
        ProblemResponse(ProblemDetails(code: "not-found", title: "There is no such thing", status: 404, detail: detail))
    }

    static func notPermitted(_ detail: String) -> ProblemResponse {
        ProblemResponse(
            ProblemDetails(code: "not-permitted", title: "This is not permitted", status: 403, detail: detail))
    }

    private static func headers(of result: CallResult) -> HTTPFields {
        var headers: HTTPFields = [.posternRequestID: "\(result.request)", .posternAttempt: "\(result.attempt)"]
        if let connector = result.connector { headers[.posternConnector] = connector }
        return headers
    }
}

extension GroupPresence.Member {
    /// Describes a peer as one group sees it.
    init(_ peer: Peer, group: GroupID, now: ContinuousClock.Instant) {
        self.init(
            connector: "\(peer.member)", name: peer.name, standing: peer.standing.name, readiness: "\(peer.readiness)",
            lastBeatSeconds: (now - peer.lastBeat) / .seconds(1), services: (peer.offers[group] ?? [:]).keys.sorted(),
            inFlight: peer.inFlight, credit: peer.credit, version: peer.version, bootNumber: peer.bootNumber)
    }
}
