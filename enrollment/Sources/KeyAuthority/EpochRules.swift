/// How often a group gets a new epoch, and how long one lasts.
public struct EpochRules: Sendable, Equatable {
    /// After how long an epoch has a successor, even where nothing has changed.
    public var interval: Duration
    /// How long an epoch may be used at most, when no successor comes.
    public var life: Duration
    /// How far two epochs of a group are apart at least: what changes within that time shares the next one.
    public let spacing: Duration
    /// For how long a member that has renewed its identity key stays with its old one, until its new HPKE key is there.
    public var renewalGrace: Duration

    /// Makes rules: twelve hours, a day, a second, and ten minutes, unless said otherwise.
    ///
    /// - Parameter spacing: at least a second, since the number of an epoch is that of its second.
    public init(
        interval: Duration = .seconds(12 * 3600), life: Duration = .seconds(24 * 3600),
        spacing: Duration = .seconds(1), renewalGrace: Duration = .seconds(600)
    ) {
        self.interval = interval
        self.life = life
        self.spacing = max(spacing, .seconds(1))
        self.renewalGrace = renewalGrace
    }
}
