public import Hummingbird
internal import HTTPTypes
internal import NIOCore
internal import HTTPProblems

extension Request {
    /// Takes the whole body; a larger one is refused as soon as its length is announced or exceeded.
    ///
    /// How long it may take is bounded by the port's `bodyTimeout`.
    /// - Throws: a `ProblemResponse` of 413 or 408.
    public func body(upTo limit: Int) async throws -> ByteBuffer {
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw ProblemResponse(.payloadTooLarge(limit: limit))
        }
        do {
            return try await body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw ProblemResponse(.payloadTooLarge(limit: limit))
        } catch is RequestTooSlow {
            throw ProblemResponse(.requestTimeout)
        }
    }
}
