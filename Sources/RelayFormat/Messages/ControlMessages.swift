/// PING, PONG: messages whose header says all.
public struct EmptyMessage: MessageBody, Equatable {
    /// Makes the empty body.
    public init() {}
    public var encodedSizeHint: Int { 0 }
    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {}
    public init(from reader: inout ByteReader) throws(RelayFormatError) {}
}

/// ACCEPTED: the boot that sends it has these dispatches and runs them.
public struct AcceptedMessage: MessageBody, Equatable {
    /// One dispatch.
    public struct Entry: Sendable, Equatable {
        /// The request.
        public var request: RequestID
        /// Which dispatch of it.
        public var attempt: UInt32

        /// Names a dispatch.
        public init(request: RequestID, attempt: UInt32) {
            self.request = request
            self.attempt = attempt
        }
    }

    /// The dispatches.
    public var entries: [Entry]

    /// Makes the message.
    public init(_ entries: [Entry]) {
        self.entries = entries
    }

    public var encodedSizeHint: Int { 2 + 20 * entries.count }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        try writer.write(count: entries.count, field: "entries")
        for entry in entries {
            writer.write(entry.request)
            writer.write(entry.attempt)
        }
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        let count = try reader.readCount(minimumSize: 20, field: "entries")
        entries = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let request = try reader.read(RequestID.self, field: "request")
            entries.append(Entry(request: request, attempt: try reader.read(field: "attempt")))
        }
    }
}

/// RETURN: the boot that sends it never starts this dispatch.
public struct ReturnMessage: MessageBody, Equatable {
    /// Why a request is given back.
    public enum Reason: UInt8, Sendable {
        /// The connector is on its way out.
        case draining = 1
        /// The connector does not offer the service.
        case serviceUnknown = 2
        /// The connector has no room.
        case busy = 3
        /// The dispatch came too late to be started.
        case late = 4
    }

    /// Why.
    public var reason: Reason

    /// Makes a return.
    public init(_ reason: Reason) {
        self.reason = reason
    }

    public var encodedSizeHint: Int { 1 }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        writer.write(reason.rawValue)
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        guard let reason = Reason(rawValue: try reader.read(field: "reason")) else {
            throw RelayFormatError(.unknownValue, in: "reason")
        }
        self.reason = reason
    }
}

/// RECEIPT: the dispatcher has the responses of these requests, or no longer wants them.
public struct ReceiptMessage: MessageBody, Equatable {
    /// The requests.
    public var requests: [RequestID]

    /// Makes a receipt.
    public init(_ requests: [RequestID]) {
        self.requests = requests
    }

    public var encodedSizeHint: Int { 2 + 16 * requests.count }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        try writer.write(count: requests.count, field: "requests")
        for request in requests { writer.write(request) }
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        let count = try reader.readCount(minimumSize: 16, field: "requests")
        requests = []
        requests.reserveCapacity(count)
        for _ in 0..<count { requests.append(try reader.read(field: "request")) }
    }
}

/// INVITE: a dispatcher has seen the boot's beat.
public struct InviteMessage: MessageBody, Equatable {
    /// The dispatcher's clock when it sent the invitation.
    public var now: RelayTime

    /// Makes an invitation.
    public init(now: RelayTime) {
        self.now = now
    }

    public var encodedSizeHint: Int { 8 }
    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) { writer.write(now) }
    public init(from reader: inout ByteReader) throws(RelayFormatError) { now = try reader.readTime(field: "now") }
}
