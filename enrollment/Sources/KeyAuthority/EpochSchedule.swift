public import RelayFormat
public import RelaySealing

/// Decides when a group needs its next epoch: it compares who belongs to it now with who is in the present one.
///
/// It keeps nothing: whatever was missed, by a restart or a restored backup, is seen at the next look.
public struct EpochSchedule: Sendable {
    /// Why an epoch is due.
    public enum Reason: String, Sendable, Equatable {
        /// The group has none.
        case first
        /// Somebody came, went, or has other keys.
        case members
        /// Epochs shall be of another suite.
        case suite
        /// The present one is old enough.
        case time
        /// The present one was signed by a key that has a successor.
        case authority
    }

    /// What is to be done for a group.
    public enum Decision: Sendable, Equatable {
        /// Cut the next epoch for these members.
        case cut([EpochCandidate], Reason)
        /// Nothing before this moment, unless the members change.
        case wait(until: RelayTime)
    }

    private let rules: EpochRules

    /// Makes a schedule.
    public init(rules: EpochRules) {
        self.rules = rules
    }

    /// Decides for one group.
    ///
    /// - Parameters:
    ///   - core: the present epoch; nil where there is none.
    ///   - isCurrentKey: whether the Key Authority's present key has signed it.
    public func decide(
        _ candidates: [EpochCandidate], suite: SealingSuite, after core: EpochCore?, isCurrentKey: Bool = true,
        at now: RelayTime
    ) -> Decision {
        let members = candidates.filter { now < $0.until }.sorted { $0.id.isBefore($1.id) }
        // An epoch without members is of use to nobody; whoever has left is told nothing more by anybody.
        guard !members.isEmpty else { return .wait(until: .never) }
        guard let core else { return .cut(members, .first) }
        guard let reason = reason(members, suite, core, isCurrentKey, now) else {
            let ends = members.map(\.until).min() ?? .never
            return .wait(until: min(ends, core.notBefore + rules.interval))
        }
        // A clock that was turned back must not keep a revoked member in until it has caught up.
        let earliest = core.notBefore + rules.spacing
        if now < earliest, core.notBefore <= now + rules.spacing { return .wait(until: earliest) }
        return .cut(members, reason)
    }

    private func reason(
        _ members: [EpochCandidate], _ suite: SealingSuite, _ core: EpochCore, _ isCurrentKey: Bool, _ now: RelayTime
    ) -> Reason? {
        if suite != core.suite { return .suite }
        let isSame = members.count == core.members.count && zip(members, core.members).allSatisfy { $0.isSame(as: $1) }
        if !isSame { return .members }
        if !isCurrentKey { return .authority }
        return now >= core.notBefore + rules.interval ? .time : nil
    }
}

extension Identifier {
    /// The order of the 16 bytes.
    fileprivate func isBefore(_ other: Self) -> Bool { (high, low) < (other.high, other.low) }
}
