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
    /// Whether nothing else may run on the connector beside it: its connector was lost more than once.
    public var runsAlone: Bool
    /// What the service is asked to do.
    public var operation: Operation

    /// Makes a request.
    public init(
        service: String, requestClass: RequestClass, deadline: RelayTime, dispatchUntil: RelayTime,
        runsAlone: Bool = false, operation: Operation
    ) {
        self.service = service
        self.requestClass = requestClass
        self.deadline = deadline
        self.dispatchUntil = dispatchUntil
        self.runsAlone = runsAlone
        self.operation = operation
    }

    public var encodedSizeHint: Int { 128 + operation.encodedSizeHint }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        try writer.write(text: service, field: "service")
        writer.write(requestClass.rawValue)
        writer.write(deadline)
        writer.write(dispatchUntil)
        writer.write(UInt8(runsAlone ? 1 : 0))
        try operation.encode(into: &writer)
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
        switch try reader.read(UInt8.self, field: "manner") {
        case 0: runsAlone = false
        case 1: runsAlone = true
        default: throw RelayFormatError(.unknownValue, in: "manner")
        }
        operation = try Operation(from: &reader)
    }
}

extension RequestMessage {
    /// What a service can be asked to do; each kind of service has its own case.
    public enum Operation: MessageBody, Equatable {
        /// An HTTP exchange.
        case http(HTTPRequestContent)

        public var encodedSizeHint: Int {
            switch self {
            case .http(let content): 16 + content.encodedSizeHint
            }
        }

        public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
            switch self {
            case .http(let content):
                writer.write(UInt8(1))
                try content.encode(into: &writer)
            }
        }

        public init(from reader: inout ByteReader) throws(RelayFormatError) {
            switch try reader.read(UInt8.self, field: "operation") {
            case 1: self = .http(try HTTPRequestContent(from: &reader))
            default: throw RelayFormatError(.unknownValue, in: "operation")
            }
        }
    }
}
