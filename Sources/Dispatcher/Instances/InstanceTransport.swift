public import HTTPTypes

/// A request that one dispatcher hands on to another.
public struct InstanceRequest: Sendable {
    /// The method.
    public var method: HTTPRequest.Method
    /// Path and query.
    public var target: String
    /// The fields, with the caller's credential.
    public var headers: HTTPFields
    /// The body.
    public var body: [UInt8]

    /// Describes a request.
    public init(method: HTTPRequest.Method, target: String, headers: HTTPFields, body: [UInt8]) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }
}

/// What the other answered.
public struct InstanceAnswer: Sendable {
    /// The status.
    public var status: Int
    /// The fields.
    public var headers: HTTPFields
    /// The body.
    public var body: [UInt8]

    /// Describes an answer.
    public init(status: Int, headers: HTTPFields, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Another dispatcher could not be asked, or did not answer in time.
public struct InstanceUnreachable: Error, Sendable {
    /// Why, for people.
    public let reason: String

    /// Makes an error.
    public init(_ reason: String) {
        self.reason = reason
    }
}

/// The way from one dispatcher to another.
public protocol InstanceTransport: Sendable {
    /// Sends a request to an instance at an address, and waits for its answer.
    func send(
        _ request: InstanceRequest, to address: String, within limit: Duration
    ) async throws(InstanceUnreachable) -> InstanceAnswer

    /// Lets go of connections.
    func close() async
}
