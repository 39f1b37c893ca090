internal import RelayFormat

/// The processes that were heard in a group's name: with whom a session can be made, and in which group.
struct ContactBook {
    struct Contact {
        var member: MemberID
        var group: GroupID
        var heard: RelayTime
        /// The number of its last beat, which only grows.
        var beat: UInt64 = 0
    }

    /// The most processes whose invitations are remembered.
    private static let mostInvited = 4096

    private var contacts: [BootID: Contact] = [:]
    private var invited: [BootID: RelayTime] = [:]
    private let limit: Int

    init(limit: Int = 65_536) {
        self.limit = limit
    }

    subscript(_ boot: BootID) -> Contact? { contacts[boot] }

    /// Whether the process is the sender's own, as far as is known: another member has not spoken as it before.
    func isOfSender(_ header: RelayHeader) -> Bool {
        contacts[header.boot].map { $0.member == header.sender } ?? true
    }

    mutating func heard(_ header: RelayHeader, at now: RelayTime) {
        if let index = contacts.index(forKey: header.boot) {
            contacts.values[index].heard = now
            contacts.values[index].group = header.group
            return
        }
        if contacts.count >= limit, let oldest = contacts.min(by: { $0.value.heard < $1.value.heard }) {
            contacts[oldest.key] = nil
        }
        contacts[header.boot] = Contact(member: header.sender, group: header.group, heard: now)
    }

    /// Whether a beat is newer than the last one of its process.
    mutating func accept(beat header: RelayHeader, at now: RelayTime) -> Bool {
        heard(header, at: now)
        guard let index = contacts.index(forKey: header.boot), contacts.values[index].beat < header.sequence else {
            return false
        }
        contacts.values[index].beat = header.sequence
        return true
    }

    /// Whether a process whose words cannot be opened is to be invited now: once a second, and not too many of them.
    mutating func takeInvitation(of boot: BootID, at now: RelayTime) -> Bool {
        if let last = invited[boot], now - last < .seconds(1) { return false }
        if invited.count >= Self.mostInvited {
            invited = invited.filter { now - $0.value < .seconds(1) }
            guard invited.count < Self.mostInvited else { return false }
        }
        invited[boot] = now
        return true
    }

    /// Forgets those that have been silent.
    ///
    /// - Returns: who they are.
    mutating func forget(silentFor span: Duration, at now: RelayTime) -> Set<BootID> {
        let silent = Set(contacts.filter { now - $0.value.heard >= span }.keys)
        for boot in silent { contacts[boot] = nil }
        return silent
    }
}
