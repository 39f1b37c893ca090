/// BEAT: a sign of life each second, with what the sender offers.
public struct BeatMessage: MessageBody, Equatable {
    /// What the sender is in the relay.
    public enum Role: UInt8, Sendable {
        /// A connector, with its services.
        case connector = 1
        /// A dispatcher, whose own beat proves to it that presence flows.
        case dispatcher = 2
    }

    /// Whether the sender takes new work.
    public enum Readiness: UInt8, Sendable {
        /// It takes work.
        case ready = 1
        /// It finishes what it has and takes no more.
        case draining = 2
        /// It offers nothing and only wants to be seen (a ping from the command line).
        case observing = 3
        /// It was told to take no work for a while.
        case paused = 4
    }

    /// What the sender is.
    public var role: Role
    /// Whether it takes new work.
    public var readiness: Readiness
    /// Counts the boots of one identity; the higher one wins.
    public var bootNumber: UInt64
    /// The name that people gave the sender.
    public var name: String
    /// The version of the sender's program.
    public var version: String
    /// The services offered.
    public var services: [ServiceOffer]
    /// How many requests it has.
    public var inFlight: UInt32
    /// How many more it would take.
    public var credit: UInt32
    /// Why the sender takes no work, in the words of the person who told it so; empty otherwise.
    public var note: String

    /// Makes a beat.
    public init(
        role: Role, readiness: Readiness, bootNumber: UInt64, name: String, version: String, services: [ServiceOffer],
        inFlight: UInt32, credit: UInt32, note: String = ""
    ) {
        self.role = role
        self.readiness = readiness
        self.bootNumber = bootNumber
        self.name = name
        self.version = version
        self.services = services
        self.inFlight = inFlight
        self.credit = credit
        self.note = note
    }

    public var encodedSizeHint: Int { 128 + services.count * 24 }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        writer.write(role.rawValue)
        writer.write(readiness.rawValue)
        writer.write(bootNumber)
        try writer.write(text: name, field: "name")
        try writer.write(text: version, field: "version")
        try writer.write(count: services.count, field: "services")
        for service in services { try service.encode(into: &writer) }
        writer.write(inFlight)
        writer.write(credit)
        try writer.write(text: note, field: "note")
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        guard let role = Role(rawValue: try reader.read(field: "role")) else {
            throw RelayFormatError(.unknownValue, in: "role")
        }
        guard let readiness = Readiness(rawValue: try reader.read(field: "readiness")) else {
            throw RelayFormatError(.unknownValue, in: "readiness")
        }
        self.role = role
        self.readiness = readiness
        bootNumber = try reader.read(field: "boot number")
        name = try reader.readText(field: "name")
        version = try reader.readText(field: "version")
        let count = try reader.readCount(minimumSize: ServiceOffer.smallestSize, field: "services")
        guard count <= RelayLimits.services else { throw RelayFormatError(.tooLarge, in: "services") }
        services = []
        services.reserveCapacity(count)
        for _ in 0..<count { services.append(try ServiceOffer(from: &reader)) }
        inFlight = try reader.read(field: "in flight")
        credit = try reader.read(field: "credit")
        note = try reader.readText(field: "note")
        guard note.utf8.count <= RelayLimits.note else { throw RelayFormatError(.tooLarge, in: "note") }
    }
}
