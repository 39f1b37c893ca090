internal import DispatcherProtocol
internal import Foundation
internal import Hummingbird
internal import NIOCore
internal import HTTPProblems
internal import RelayFormat
internal import TenantPort

/// Reads the bodies of requests to be relayed.
enum RelayBody {
    /// Collects a body.
    ///
    /// - Throws: a `payload-too-large` problem beyond the limit.
    static func collect(_ request: Request, limit: Int = RelayLimits.inlineBody) async throws -> ArraySlice<UInt8> {
        do {
            return Array(buffer: try await request.body.collect(upTo: limit))[...]
        } catch is NIOTooManyBytesError {
            throw tooLarge(limit)
        } catch let error as HTTPError where error.status == .contentTooLarge {
            throw tooLarge(limit)
        }
    }

    /// Makes the request that a JSON call describes.
    ///
    /// - Throws: a problem that names what is wrong with it.
    static func content(of call: CallRequest, method: String) throws -> HTTPRequestContent {
        let target = call.path ?? "/"
        guard target.hasPrefix("/"), target.utf8.count <= RelayLimits.requestTarget else {
            throw RelayAnswer.malformed("\"path\" begins with \"/\" and has at most \(RelayLimits.requestTarget) bytes")
        }
        guard call.body == nil || call.bodyBase64 == nil else {
            throw RelayAnswer.malformed("give \"body\" or \"body_base64\", not both")
        }
        var body = Array((call.body ?? "").utf8)
        if let text = call.bodyBase64 {
            guard let data = Data(base64Encoded: text) else {
                throw RelayAnswer.malformed("\"body_base64\" is not base64 (RFC 4648 section 4)")
            }
            body = Array(data)
        }
        guard body.count <= RelayLimits.inlineBody else { throw tooLarge(RelayLimits.inlineBody) }
        let headers = (call.headers ?? [:]).sorted { $0.key < $1.key }.map { HTTPHeaderField($0.key, $0.value) }
            .filter { !$0.name.lowercased().hasPrefix("postern-") }
        let content = HTTPRequestContent(
            method: method, target: target, headers: HTTPHeaderField.endToEnd(headers), body: body[...])
        try check(content)
        return content
    }

    /// Refuses what no connector would take, instead of leaving it to its deadline.
    static func check(_ content: HTTPRequestContent) throws {
        do throws(RelayFormatError) {
            try content.validate()
        } catch {
            throw RelayAnswer.malformed("the request cannot be relayed: \(error)")
        }
    }

    private static func tooLarge(_ limit: Int) -> ProblemResponse {
        ProblemResponse(
            ProblemDetails(
                code: "payload-too-large", title: "The body is too large", status: 413,
                detail: "a relayed body has at most \(RelayLimits.inlineBody) bytes for now; nothing was sent"))
    }
}
