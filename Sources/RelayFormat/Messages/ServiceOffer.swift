/// A service that a connector offers, with what its configuration says of side effects.
public struct ServiceOffer: Sendable, Hashable {
    /// The service's name.
    public var name: String
    /// The class of all its requests, where the configuration states one.
    public var requestClass: RequestClass?
    /// Whether the service honours `Idempotency-Key`, so that POST and PATCH may run again under one key.
    public var honoursIdempotencyKey: Bool

    /// Makes an offer.
    public init(_ name: String, requestClass: RequestClass? = nil, honoursIdempotencyKey: Bool = false) {
        self.name = name
        self.requestClass = requestClass
        self.honoursIdempotencyKey = honoursIdempotencyKey
    }

    /// The class of an HTTP request to the service when its caller states none.
    public func requestClass(forHTTPMethod method: some StringProtocol) -> RequestClass {
        if let requestClass { return requestClass }
        let standard = RequestClass.standard(forHTTPMethod: method)
        return honoursIdempotencyKey && (method == "POST" || method == "PATCH") ? .keyed : standard
    }

    static let smallestSize = 4

    func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        try writer.write(text: name, field: "service")
        writer.write(requestClass?.rawValue ?? 0)
        writer.write(UInt8(honoursIdempotencyKey ? 1 : 0))
    }

    init(from reader: inout ByteReader) throws(RelayFormatError) {
        name = try reader.readText(field: "service")
        let number: UInt8 = try reader.read(field: "class")
        requestClass = RequestClass(rawValue: number)
        guard number == 0 || requestClass != nil else { throw RelayFormatError(.unknownValue, in: "class") }
        switch try reader.read(UInt8.self, field: "service flags") {
        case 0: honoursIdempotencyKey = false
        case 1: honoursIdempotencyKey = true
        default: throw RelayFormatError(.unknownValue, in: "service flags")
        }
    }
}
