internal import RelayFormat

/// One member of a group: its credit, what it holds, and what waits to be handed to it.
struct GroupMember: Sendable {
    let boot: BootID
    let credit: Int
    /// The records leased to the member, handed over or not; never more than its credit.
    var held: Set<UInt64> = []
    /// The records leased since the last reading; some may have been revoked meanwhile.
    private var fresh: [UInt64] = []
    private var revoked: [DeliveryToken] = []
    private var isSignalled = false
    /// Whether the member stands in the rotation.
    var isInRotation = false

    init(boot: BootID, credit: Int) {
        self.boot = boot
        self.credit = credit
    }

    var hasCredit: Bool { held.count < credit }

    /// Notes a new lease; true when the reader has to be woken.
    mutating func offer(_ record: UInt64) -> Bool {
        held.insert(record)
        fresh.append(record)
        return signal()
    }

    /// Notes a lease that ended without the member; true when the reader has to be woken.
    mutating func revoke(_ token: DeliveryToken) -> Bool {
        revoked.append(token)
        return signal()
    }

    /// Takes what waits.
    mutating func drain() -> (fresh: [UInt64], revoked: [DeliveryToken]) {
        isSignalled = false
        defer {
            fresh = []
            revoked = []
        }
        return (fresh, revoked)
    }

    private mutating func signal() -> Bool {
        defer { isSignalled = true }
        return !isSignalled
    }
}
