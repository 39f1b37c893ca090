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
    /// The deadline of a submission that states none.
    public var standardSubmissionDeadline: Duration
    /// The longest deadline that a submission may state; connectors remember for as long what they ran.
    public var longestSubmissionDeadline: Duration
    /// How many ended calls are remembered for `why`.
    public var rememberedCalls: Int
    /// The program's version.
    public var version: String

    /// Describes a dispatcher.
    public init(
        limits: DispatchLimits = .init(), timing: PresenceTable.Timing = .init(),
        standardDeadline: Duration = .seconds(30), longestDeadline: Duration = .seconds(600),
        standardSubmissionDeadline: Duration = .seconds(3600), longestSubmissionDeadline: Duration = .seconds(86_400),
        rememberedCalls: Int = 10_000, version: String
    ) {
        self.limits = limits
        self.timing = timing
        self.standardDeadline = standardDeadline
        self.longestDeadline = longestDeadline
        self.standardSubmissionDeadline = standardSubmissionDeadline
        self.longestSubmissionDeadline = longestSubmissionDeadline
        self.rememberedCalls = rememberedCalls
        self.version = version
    }
}
