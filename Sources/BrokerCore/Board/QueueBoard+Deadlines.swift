internal import RelayFormat

extension QueueBoard {
    /// When the board next wants `meetDeadlines`; may be too early, never too late.
    var earliestDeadline: RelayTime { account.deadlines.earliest?.at ?? .never }

    /// Ends the leases and the records whose time has come.
    ///
    /// - Returns: when it wants to be called again.
    mutating func meetDeadlines(now: RelayTime) -> RelayTime {
        while let entry = account.deadlines.earliest {
            if entry.at <= now {
                account.deadlines.removeEarliest()
                groups[entry.place]?.meet(entry, now: now, &account)
                dropIfIdle(entry.place)
            } else if groups[entry.place]?.awaits(entry) == true {
                return entry.at
            } else {
                account.deadlines.removeEarliest()
            }
        }
        return .never
    }

    /// Forgets the queue of a group that has neither members nor records.
    mutating func dropIfIdle(_ place: GroupPlace) {
        if groups[place]?.isIdle == true { groups[place] = nil }
    }

    /// Leaves out the deadlines that no record waits for any more.
    mutating func rebuildDeadlines() {
        account.deadlines.rebuild(
            from: groups.values.flatMap { group in
                group.records.lazy.filter { $0.value.alarm != .never }.map {
                    BoardDeadlines.Entry(at: $0.value.alarm, record: $0.key, place: group.place)
                }
            })
    }
}
