/// Says when what has been opened of a batch is to be handed on, so that other cores work on it while the rest is opened.
///
/// By time and not by number: messages in clear cost next to nothing, and sealed ones some microseconds each.
public struct OpeningSlice {
    private static let length = Duration.microseconds(100)
    /// The clock is looked at with every fourth message.
    private static let stride = 4

    private var count = 0
    private var begin = ContinuousClock.now

    /// Begins with a batch.
    public init() {}

    /// Whether it is over with this message; the next one begins then.
    public mutating func ends() -> Bool {
        count += 1
        guard count % Self.stride == 0 else { return false }
        let now = ContinuousClock.now
        guard now - begin >= Self.length else { return false }
        begin = now
        return true
    }
}
