internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import TenantPort

/// One request on its way through the API.
struct Call: Sendable {
    static let largestBody = 64 * 1024

    let request: Request
    let context: PortContext
    /// The time by which the whole call is judged.
    let now: Date
    /// What the audit log will say of it; nil for a call that is none of a route's.
    var record: CallRecord?

    /// A part of the path.
    func parameter(_ name: String) throws -> String { try context.parameters.require(name) }

    /// Reads the body strictly; an empty one stands for an object without fields.
    func body<Message: EnrollmentRequest>(_ type: Message.Type = Message.self) async throws -> Message {
        let bytes = try await request.body(upTo: Self.largestBody)
        let media = (request.headers[.contentType] ?? "").prefix { $0 != ";" }
        let isJSON = media.trimmingCharacters(in: .whitespaces).lowercased() == "application/json"
        guard isJSON || bytes.readableBytes == 0 else {
            throw Refusal(.unsupportedMediaType, "Send the body as application/json.")
        }
        let data = bytes.readableBytes == 0 ? Data("{}".utf8) : Data(bytes.readableBytesView)
        do { return try EnrollmentJSON.decodeStrictly(type, from: data) } catch {
            throw Refusal(.malformedRequest, error.message)
        }
    }

    /// Which part of a list is asked for: `?after=…&limit=…`.
    func range() throws -> PageRange {
        let query = request.uri.queryParameters
        var range = PageRange()
        if let after = query["after"] {
            guard after.utf8.count <= 128 else {
                throw Refusal(.malformedRequest, "The parameter “after” is too long.")
            }
            range.after = String(after)
        }
        if let text = query["limit"] {
            guard let limit = Int(text), (1...PageRange.longest).contains(limit) else {
                throw Refusal(.malformedRequest, "The parameter “limit” needs 1 to \(PageRange.longest).")
            }
            range.limit = limit
        }
        return range
    }

    /// Answers with a message.
    func answer(
        _ message: some Encodable, status: HTTPResponse.Status = .ok, location: String? = nil
    ) throws -> Response {
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        headers[.location] = location
        return Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: try EnrollmentJSON.encode(message))))
    }

    /// Answers that it is done and there is nothing to say.
    func answer() -> Response { Response(status: .noContent, headers: [.cacheControl: "no-store"]) }
}
