public import RelayDelivery

/// The bounds and times of a dispatcher.
public struct DispatcherConfiguration: Sendable {
    /// The bounds of each tenant's requests.
    public var limits: DispatchLimits
    /// The times of presence.
    public var timing: PresenceTable.Timing
    /// The deadline of a call that states none.
    public var standardDeadline: Duration
    /// The longest deadline that a call may state.
    public var longestDeadline: Duration
    /// The program's version.
    public var version: String

    /// Describes a dispatcher.
    public init(
        limits: DispatchLimits = .init(), timing: PresenceTable.Timing = .init(),
        standardDeadline: Duration = .seconds(30), longestDeadline: Duration = .seconds(600), version: String
    ) {
        self.limits = limits
        self.timing = timing
        self.standardDeadline = standardDeadline
        self.longestDeadline = longestDeadline
        self.version = version
    }
}
