/// RESPONSE: how a request ended, said by the connector that had it.
public struct ResponseMessage: MessageBody, Equatable {
    /// How it ended.
    public var outcome: Outcome

    /// The ways in which a request can end at a connector.
    public enum Outcome: Sendable, Equatable {
        /// The service answered an HTTP request.
        case http(HTTPResponseContent)
        /// The service gave no answer, or was never asked.
        case failed(RequestFailure)
    }

    /// Makes a response.
    public init(_ outcome: Outcome) {
        self.outcome = outcome
    }

    public var encodedSizeHint: Int {
        switch outcome {
        case .http(let content): 16 + content.encodedSizeHint
        case .failed(let failure): 64 + failure.detail.utf8.count
        }
    }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        switch outcome {
        case .http(let content):
            writer.write(UInt8(1))
            try content.encode(into: &writer)
        case .failed(let failure):
            writer.write(UInt8(255))
            writer.write(failure.code.rawValue)
            try writer.write(text: failure.detail, field: "detail")
        }
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        switch try reader.read(UInt8.self, field: "outcome") {
        case 1:
            outcome = .http(try HTTPResponseContent(from: &reader))
        case 255:
            guard let code = RequestFailure.Code(rawValue: try reader.read(field: "failure")) else {
                throw RelayFormatError(.unknownValue, in: "failure")
            }
            outcome = .failed(RequestFailure(code, try reader.readText(field: "detail")))
        default:
            throw RelayFormatError(.unknownValue, in: "outcome")
        }
    }
}
