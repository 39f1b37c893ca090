public import RelayFormat

/// One of the dispatchers side by side, as the register has it.
public struct InstanceRecord: Sendable, Equatable {
    /// Its stable id, whose first four bytes begin its request ids.
    public var id: MemberID
    /// Its name.
    public var name: String
    /// Where the others reach it, as `https://host:port`; nil until it has said so.
    public var address: String?
    /// When it was added.
    public var addedAt: RelayTime
    /// Since when it takes no new idempotency keys; nil while it does.
    public var retiredAt: RelayTime?
    /// When it was removed for good; nil while it was not.
    public var removedAt: RelayTime?

    /// Describes an instance.
    public init(
        id: MemberID, name: String, address: String?, addedAt: RelayTime, retiredAt: RelayTime? = nil,
        removedAt: RelayTime? = nil
    ) {
        self.id = id
        self.name = name
        self.address = address
        self.addedAt = addedAt
        self.retiredAt = retiredAt
        self.removedAt = removedAt
    }

    /// Whether new idempotency keys are its own.
    var takesKeys: Bool { retiredAt == nil && removedAt == nil }

    /// Whether new idempotency keys were its own just before a moment.
    func tookKeys(before moment: RelayTime) -> Bool {
        addedAt < moment && retiredAt.map { $0 >= moment } ?? true && removedAt.map { $0 >= moment } ?? true
    }
}

/// Knows the dispatchers of the installation, running or not, removed ones too.
public protocol InstanceSource: Sendable {
    /// All that were ever added.
    func instances() async throws -> [InstanceRecord]
}
