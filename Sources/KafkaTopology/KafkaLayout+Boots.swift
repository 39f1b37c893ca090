public import RelayFormat

extension KafkaLayout {
    /// A boot id whose inbox lies in a slot, for a process that has that slot to itself.
    ///
    /// - Parameters:
    ///   - slot: one of `0..<inboxSlots`.
    ///   - random: an id drawn at random; what comes back differs from it by less than the number of slots.
    public func bootID(inSlot slot: Int32, near random: BootID) -> BootID {
        precondition((0..<inboxSlots).contains(slot), "slots are numbered from 0 and below inboxSlots")
        let slots = UInt64(inboxSlots)
        let (low, isBeyond) = (random.low - random.low % slots).addingReportingOverflow(UInt64(slot))
        return BootID(high: random.high, low: isBeyond ? low &- slots : low)
    }
}
