/// One dispatch of a request, as messages about it name it.
public struct DispatchName: Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// Which dispatch of it, from 1.
    public var attempt: UInt32

    /// Names a dispatch.
    public init(request: RequestID, attempt: UInt32) {
        self.request = request
        self.attempt = attempt
    }

    static let size = 20

    func encode(into writer: inout ByteWriter) {
        writer.write(request)
        writer.write(attempt)
    }

    init(from reader: inout ByteReader) throws(RelayFormatError) {
        request = try reader.read(field: "request")
        attempt = try reader.read(field: "attempt")
    }
}

/// ACCEPTED, GRANT, ASK: messages that say one thing of several dispatches.
///
/// ACCEPTED: the boot that sends it has them and runs them. GRANT: the boot that gets it may start them, and no other
/// may. ASK: the dispatcher wants to know how they stand; KNOWN is the answer.
public struct DispatchListMessage: MessageBody, Equatable {
    /// The dispatches.
    public var dispatches: [DispatchName]

    /// Makes the message.
    public init(_ dispatches: [DispatchName]) {
        self.dispatches = dispatches
    }

    public var encodedSizeHint: Int { 2 + DispatchName.size * dispatches.count }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        try writer.write(count: dispatches.count, field: "dispatches")
        for dispatch in dispatches { dispatch.encode(into: &writer) }
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        let count = try reader.readCount(minimumSize: DispatchName.size, field: "dispatches")
        dispatches = []
        dispatches.reserveCapacity(count)
        for _ in 0..<count { dispatches.append(try DispatchName(from: &reader)) }
    }
}

/// CLAIM: the boot that sends it has these dispatches, and starts them only when they are granted.
public struct ClaimMessage: MessageBody, Equatable {
    /// One claim.
    public struct Claim: Sendable, Equatable {
        /// What is claimed.
        public var dispatch: DispatchName
        /// The class under which the connector would run it: the request's, or a stricter one of its own.
        public var requestClass: RequestClass

        /// Makes a claim.
        public init(_ dispatch: DispatchName, as requestClass: RequestClass) {
            self.dispatch = dispatch
            self.requestClass = requestClass
        }
    }

    /// The claims.
    public var claims: [Claim]

    /// Makes the message.
    public init(_ claims: [Claim]) {
        self.claims = claims
    }

    public var encodedSizeHint: Int { 2 + (DispatchName.size + 1) * claims.count }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        try writer.write(count: claims.count, field: "claims")
        for claim in claims {
            claim.dispatch.encode(into: &writer)
            writer.write(claim.requestClass.rawValue)
        }
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        let count = try reader.readCount(minimumSize: DispatchName.size + 1, field: "claims")
        claims = []
        claims.reserveCapacity(count)
        for _ in 0..<count {
            let dispatch = try DispatchName(from: &reader)
            guard let requestClass = RequestClass(rawValue: try reader.read(field: "class")) else {
                throw RelayFormatError(.unknownValue, in: "class")
            }
            claims.append(Claim(dispatch, as: requestClass))
        }
    }
}

/// CANCEL: these dispatches must not be started any more.
public struct CancelMessage: MessageBody, Equatable {
    /// What becomes of a dispatch that runs already.
    public enum Mode: UInt8, Sendable {
        /// It is torn down, whatever its class.
        case stop = 1
        /// Nobody waits for it: it is torn down when it is `safe`, and ends by itself otherwise.
        case unwanted = 2
    }

    /// What becomes of those that run.
    public var mode: Mode
    /// The dispatches; one names all dispatches of its request up to its attempt.
    public var dispatches: [DispatchName]

    /// Makes the message.
    public init(_ dispatches: [DispatchName], mode: Mode) {
        self.dispatches = dispatches
        self.mode = mode
    }

    public var encodedSizeHint: Int { 3 + DispatchName.size * dispatches.count }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        writer.write(mode.rawValue)
        try DispatchListMessage(dispatches).encode(into: &writer)
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        guard let mode = Mode(rawValue: try reader.read(field: "mode")) else {
            throw RelayFormatError(.unknownValue, in: "mode")
        }
        self.mode = mode
        dispatches = try DispatchListMessage(from: &reader).dispatches
    }
}

/// KNOWN: the answer to ASK.
public struct KnownMessage: MessageBody, Equatable {
    /// What a connector knows of a dispatch that it is asked about.
    public enum Knowledge: UInt8, Sendable, CaseIterable {
        /// Nothing. The boot that says so never starts it; it proves nothing about earlier boots.
        case notKnown = 1
        /// It is here and has not started.
        case queued = 2
        /// It runs.
        case running = 3
        /// It has ended; RESPONSE comes with this message.
        case finished = 4
        /// It had started when an earlier boot of this connector ended, and nobody will ever know how it ended.
        case interrupted = 5
    }

    /// What is known of one dispatch.
    public struct Entry: Sendable, Equatable {
        /// The dispatch that was asked about.
        public var dispatch: DispatchName
        /// What is known.
        public var knowledge: Knowledge

        /// Makes an entry.
        public init(_ dispatch: DispatchName, _ knowledge: Knowledge) {
            self.dispatch = dispatch
            self.knowledge = knowledge
        }
    }

    /// What is known, in the order of the question.
    public var entries: [Entry]

    /// Makes the message.
    public init(_ entries: [Entry]) {
        self.entries = entries
    }

    public var encodedSizeHint: Int { 2 + (DispatchName.size + 1) * entries.count }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        try writer.write(count: entries.count, field: "entries")
        for entry in entries {
            entry.dispatch.encode(into: &writer)
            writer.write(entry.knowledge.rawValue)
        }
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        let count = try reader.readCount(minimumSize: DispatchName.size + 1, field: "entries")
        entries = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let dispatch = try DispatchName(from: &reader)
            guard let knowledge = Knowledge(rawValue: try reader.read(field: "knowledge")) else {
                throw RelayFormatError(.unknownValue, in: "knowledge")
            }
            entries.append(Entry(dispatch, knowledge))
        }
    }
}
