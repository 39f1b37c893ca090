public import RelayFormat

/// An inbox slot that a dispatcher's process has to itself, and the boot id whose inbox lies there.
public struct InboxLease: Sendable, Equatable {
    /// The slot.
    public let slot: Int32
    /// The process.
    public let boot: BootID

    /// Names a slot and its process.
    public init(slot: Int32, boot: BootID) {
        self.slot = slot
        self.boot = boot
    }
}
