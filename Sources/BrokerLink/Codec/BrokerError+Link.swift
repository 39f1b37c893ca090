internal import BrokerCore
internal import NIOCore
internal import RelayFormat

extension BrokerError {
    private enum Wire: UInt8 {
        case notPersisted = 1
        case unknown = 2
        case overloaded = 3
        case fenced = 4
        case closed = 5
        case denied = 6
        case notSupported = 7
        case tooLarge = 8
    }

    var cost: Int { 7 + min(message.utf8.count, 4096) }

    func encode(into buffer: inout ByteBuffer) {
        let wire: Wire =
            switch code {
            case .notPersisted: .notPersisted
            case .unknown: .unknown
            case .overloaded: .overloaded
            case .fenced: .fenced
            case .closed: .closed
            case .denied: .denied
            case .notSupported: .notSupported
            case .tooLarge: .tooLarge
            }
        buffer.writeInteger(wire.rawValue)
        if case .overloaded(let retryAfter) = code {
            buffer.writeInteger(UInt32(clamping: retryAfter.inMilliseconds))
        }
        buffer.write(text: message)
    }

    init(from reader: inout LinkReader) throws(LinkError) {
        let wire: Wire = try reader.choice("error")
        let code: Code =
            switch wire {
            case .notPersisted: .notPersisted
            case .unknown: .unknown
            case .overloaded:
                .overloaded(retryAfter: .milliseconds(Int64(try reader.integer("retry", as: UInt32.self))))
            case .fenced: .fenced
            case .closed: .closed
            case .denied: .denied
            case .notSupported: .notSupported
            case .tooLarge: .tooLarge
            }
        self.init(code, try reader.text("message"))
    }
}

extension SendOutcome {
    var cost: Int {
        switch self {
        case .stored: 1
        case .failed(let error): 1 + error.cost
        }
    }

    func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .stored: buffer.write(true)
        case .failed(let error):
            buffer.write(false)
            error.encode(into: &buffer)
        }
    }

    init(from reader: inout LinkReader) throws(LinkError) {
        self = try reader.flag("outcome") ? .stored : .failed(try BrokerError(from: &reader))
    }
}

extension BrokerCapabilities {
    var cost: Int { 9 + min(name.utf8.count, 4096) }

    func encode(into buffer: inout ByteBuffer) {
        buffer.write(text: name)
        buffer.writeInteger(UInt32(clamping: largestPayload))
        buffer.writeInteger(durability.rawValue)
        buffer.write(canProvision)
        buffer.write(seesClosedLinks)
    }

    init(from reader: inout LinkReader) throws(LinkError) {
        self.init(
            name: try reader.text("name"), largestPayload: Int(try reader.integer("largest-payload", as: UInt32.self)),
            durability: try reader.choice("durability"), canProvision: try reader.flag("can-provision"),
            seesClosedLinks: try reader.flag("sees-closed-links"))
    }
}
