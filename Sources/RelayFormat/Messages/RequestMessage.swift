/// REQUEST: one dispatch of a request to a service that the connector's own configuration offers.
public struct RequestMessage: MessageBody, Equatable {
    /// The service's name, never an address.
    public var service: String
    /// What may be done when the connector is lost.
    public var requestClass: RequestClass
    /// When the caller no longer waits.
    public var deadline: RelayTime
    /// The moment from which this one dispatch must not be started any more.
    public var dispatchUntil: RelayTime
    /// What the service is asked to do.
    public var operation: Operation

    /// What a service can be asked to do; each kind of service has its own case.
    public enum Operation: Sendable, Equatable {
        /// An HTTP exchange.
        case http(HTTPRequestContent)
    }

    /// Makes a request.
    public init(
        service: String, requestClass: RequestClass, deadline: RelayTime, dispatchUntil: RelayTime,
        operation: Operation
    ) {
        self.service = service
        self.requestClass = requestClass
        self.deadline = deadline
        self.dispatchUntil = dispatchUntil
        self.operation = operation
    }

    public var encodedSizeHint: Int {
        switch operation {
        case .http(let content): 256 + content.encodedSizeHint
        }
    }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        try writer.write(text: service, field: "service")
        writer.write(requestClass.rawValue)
        writer.write(deadline)
        writer.write(dispatchUntil)
        switch operation {
        case .http(let content):
            writer.write(UInt8(1))
            try content.encode(into: &writer)
        }
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        service = try reader.readText(field: "service")
        guard service.utf8.count <= RelayLimits.serviceName else { throw RelayFormatError(.tooLarge, in: "service") }
        guard let requestClass = RequestClass(rawValue: try reader.read(field: "class")) else {
            throw RelayFormatError(.unknownValue, in: "class")
        }
        self.requestClass = requestClass
        deadline = try reader.readTime(field: "deadline")
        dispatchUntil = try reader.readTime(field: "dispatch-until")
        switch try reader.read(UInt8.self, field: "operation") {
        case 1: operation = .http(try HTTPRequestContent(from: &reader))
        default: throw RelayFormatError(.unknownValue, in: "operation")
        }
    }
}
