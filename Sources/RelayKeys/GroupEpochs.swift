internal import RelayFormat
internal import RelaySealing

/// The epochs of one group that a member holds: the present one, and those before it that may still be met.
struct GroupEpochs {
    /// An epoch that was opened, with the keys that opened it.
    struct Held {
        let epoch: Epoch
        let keys: MemberKeys
        /// When another took its place.
        var retired: RelayTime?

        var core: EpochCore { epoch.core }

        /// Whether the member is of the epoch, in that role.
        func has(_ member: MemberID, as role: MemberRole) -> Bool { core.member(member)?.role == role }
    }

    /// For how long an epoch can still be opened when another has taken its place: as long as a dispatch may wait, and
    /// the greatest difference of clocks.
    static let overlap = RelayLimits.dispatch + .seconds(60)

    private(set) var current: Held?
    private(set) var older: [Held] = []

    /// The epoch of that number, if it is held and its time has not run out.
    func held(_ number: UInt32, at now: RelayTime) -> Held? {
        let found = current?.core.number == number ? current : older.first { $0.core.number == number }
        guard let found, now < found.core.notAfter else { return nil }
        return found
    }

    /// Puts a newer epoch in the place of the present one.
    mutating func install(_ held: Held, at now: RelayTime) {
        if var former = current {
            former.retired = now
            older.append(former)
        }
        current = held
    }

    /// Drops the epochs whose time is over.
    ///
    /// - Returns: their numbers.
    mutating func retire(at now: RelayTime) -> [UInt32] {
        let ended = older.filter { held in
            now >= held.core.notAfter || held.retired.map { now - $0 >= Self.overlap } ?? false
        }
        guard !ended.isEmpty else { return [] }
        let numbers = ended.map(\.core.number)
        older.removeAll { numbers.contains($0.core.number) }
        return numbers
    }
}
