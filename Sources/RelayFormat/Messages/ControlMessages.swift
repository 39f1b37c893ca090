/// PING, PONG, WELCOME: messages whose header says all.
public struct EmptyMessage: MessageBody, Equatable {
    /// Makes the empty body.
    public init() {}
    public var encodedSizeHint: Int { 0 }
    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {}
    public init(from reader: inout ByteReader) throws(RelayFormatError) {}
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
        /// Nobody granted the claim in time.
        case noGrant = 5
        /// The connector cannot write down that it starts the request.
        case journalUnavailable = 6
        /// The connector does not hold the epoch in which the request was sealed.
        case epoch = 7
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
///
/// The connector answers by saying again all that it holds of the sender's requests, whichever boot of it sent them.
public struct InviteMessage: MessageBody, Equatable {
    /// The dispatcher's clock when it sent the invitation.
    public var now: RelayTime
    /// Counts the boots of one dispatcher; of two the higher one is there.
    public var bootNumber: UInt64

    /// Makes an invitation.
    public init(now: RelayTime, bootNumber: UInt64) {
        self.now = now
        self.bootNumber = bootNumber
    }

    public var encodedSizeHint: Int { 16 }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        writer.write(now)
        writer.write(bootNumber)
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        now = try reader.readTime(field: "now")
        bootNumber = try reader.read(field: "boot number")
    }
}

/// GOAWAY: a dispatcher tells a boot to stop, or to stop taking work.
public struct GoAwayMessage: MessageBody, Equatable {
    /// What the boot has to do.
    public enum Order: UInt8, Sendable {
        /// Another process of the same identity has taken its place: stop at once.
        case replaced = 1
        /// Give back what has not started, finish what runs until the given moment, and stop.
        case drain = 2
        /// Take no work until the given moment.
        case pause = 3
        /// Take work again.
        case resume = 4
    }

    /// What the boot has to do.
    public var order: Order
    /// Until when; `never` for no end.
    public var until: RelayTime
    /// Why, in the words of the person who ordered it.
    public var note: String

    /// Makes an order.
    public init(_ order: Order, until: RelayTime = .never, note: String = "") {
        self.order = order
        self.until = until
        self.note = note
    }

    public var encodedSizeHint: Int { 16 + note.utf8.count }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        writer.write(order.rawValue)
        writer.write(until)
        try writer.write(text: note, field: "note")
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        guard let order = Order(rawValue: try reader.read(field: "order")) else {
            throw RelayFormatError(.unknownValue, in: "order")
        }
        self.order = order
        until = try reader.readTime(field: "until")
        note = try reader.readText(field: "note")
        guard note.utf8.count <= RelayLimits.note else { throw RelayFormatError(.tooLarge, in: "note") }
    }
}
