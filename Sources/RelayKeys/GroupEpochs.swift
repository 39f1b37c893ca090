internal import RelayFormat
internal import RelaySealing

/// The epochs of one group that a member holds: the present one, and those before it that may still be met.
struct GroupEpochs {
    /// An epoch that was opened, with the keys that opened it; one object, since each message looks it up.
    final class Held: Sendable {
        let epoch: Epoch
        let keys: MemberKeys

        init(epoch: Epoch, keys: MemberKeys) {
            self.epoch = epoch
            self.keys = keys
        }

        var core: EpochCore { epoch.core }

        /// Whether the member is of the epoch, in that role.
        func has(_ member: MemberID, as role: MemberRole) -> Bool { epoch.core.role(of: member) == role }
    }

    /// An epoch in whose place another has come.
    struct Former {
        let held: Held
        let retired: RelayTime
    }

    /// For how long an epoch can still be opened when another has taken its place: as long as a dispatch may wait, and
    /// the greatest difference of clocks.
    static let overlap = RelayLimits.dispatch + .seconds(60)

    private(set) var current: Held?
    private(set) var older: [Former] = []

    /// The epoch of that number, if it is held and its time has not run out.
    func held(_ number: UInt32, at now: RelayTime) -> Held? {
        let found =
            current?.epoch.core.number == number
            ? current : older.first { $0.held.epoch.core.number == number }?.held
        guard let found, now < found.epoch.core.notAfter else { return nil }
        return found
    }

    /// Puts a newer epoch in the place of the present one.
    mutating func install(_ held: Held, at now: RelayTime) {
        if let current { older.append(Former(held: current, retired: now)) }
        current = held
    }

    /// Drops the epochs whose time is over.
    ///
    /// - Returns: their numbers.
    mutating func retire(at now: RelayTime) -> [UInt32] {
        let ended = older.filter { now >= $0.held.core.notAfter || now - $0.retired >= Self.overlap }
        guard !ended.isEmpty else { return [] }
        let numbers = ended.map(\.held.core.number)
        older.removeAll { numbers.contains($0.held.core.number) }
        return numbers
    }
}
