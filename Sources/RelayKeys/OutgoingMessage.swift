public import BrokerCore
public import RelayFormat

/// A message on its way out, before it is sealed.
///
/// It becomes a record when it leaves: what gathers meanwhile is sealed together, under one signature.
public struct OutgoingMessage: Sendable {
    /// What it is.
    public var kind: MessageKind
    /// Its encoded body, in clear.
    public var body: [UInt8]
    /// Whether its body is that of several.
    var isBundle = false
    /// The group concerned; `none` where the message concerns no group, or any will do.
    public var group: GroupID
    /// Which dispatch of the request it belongs to; zero where there is no request.
    public var attempt: UInt32
    /// The request; `none` where there is none.
    public var correlation: RequestID
    /// Where it goes.
    public var place: Place
    /// When it is of no use any more.
    public var expiresAt: RelayTime
    /// Which lane of an inbox it takes.
    public var lane: Lane

    /// Makes a message.
    ///
    /// - Throws: what the body's encoding throws.
    public init(
        _ kind: MessageKind, _ body: some MessageBody, to place: Place, group: GroupID = .none, attempt: UInt32 = 0,
        correlation: RequestID = .none, expiresAt: RelayTime, lane: Lane = .control
    ) throws(RelayFormatError) {
        var writer = ByteWriter(capacity: body.encodedSizeHint)
        try body.encode(into: &writer)
        self.init(
            kind, encoded: writer.finish(), to: place, group: group, attempt: attempt, correlation: correlation,
            expiresAt: expiresAt, lane: lane)
    }

    init(
        _ kind: MessageKind, encoded body: [UInt8], to place: Place, group: GroupID, attempt: UInt32 = 0,
        correlation: RequestID = .none, expiresAt: RelayTime, lane: Lane = .control
    ) {
        self.kind = kind
        self.body = body
        self.group = group
        self.attempt = attempt
        self.correlation = correlation
        self.place = place
        self.expiresAt = expiresAt
        self.lane = lane
    }

    /// About how many bytes its record takes.
    public var size: Int { RelayHeader.size + body.count }

    /// The record that carries it, once sealed.
    public func record(_ payload: [UInt8]) -> OutgoingRecord {
        OutgoingRecord(to: place, payload: payload, expiresAt: expiresAt, lane: lane)
    }
}
