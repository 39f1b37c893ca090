internal import NIOCore

/// A message of one direction of the link.
protocol LinkMessage: Sendable, Equatable {
    /// About how many bytes the message takes in memory and on the wire; at least its encoded size.
    var cost: Int { get }

    /// Whether it carries bodies, which what steers may overtake.
    var isBulk: Bool { get }

    /// Names the kind of message.
    var code: UInt8 { get }

    /// Appends what follows the code and the length.
    func encode(into buffer: inout ByteBuffer)

    /// Reads what `encode` wrote.
    init(code: UInt8, from reader: inout LinkReader) throws(LinkError)
}
