internal import RelayFormat
internal import RelaySealing

/// The sessions of a party with others' processes, each made under one epoch of one group.
struct SessionTable {
    /// Names a session: the other's process, and the epoch under which it was made.
    struct Name: Hashable {
        var boot: BootID
        var group: GroupID
        var epoch: UInt32
    }

    /// One session, and how far each direction has come.
    struct Entry {
        let session: Session
        /// What began it.
        let hello: HelloMessage
        /// Whether the other has said something in it.
        var isConfirmed: Bool
        /// When the other is told again; doubles each time.
        var nextHello: RelayTime
        var pause: Duration
        var sent = LaneCounts()
        var control = ReplayWindow()
        var data = ReplayWindow()

        init(_ session: Session, _ hello: HelloMessage, at now: RelayTime) {
            self.session = session
            self.hello = hello
            // Whoever was told of it knows that both have it.
            isConfirmed = session.role == .dispatcher
            pause = .milliseconds(250)
            nextHello = now + pause
        }
    }

    /// How many messages were sealed in each lane.
    struct LaneCounts {
        private var control: UInt64 = 0
        private var data: UInt64 = 0

        mutating func next(_ kind: MessageKind) -> UInt64 {
            if kind.travelsWithBodies {
                data += 1
                return data
            }
            control += 1
            return control
        }
    }

    private var entries: [Name: Entry] = [:]
    private var newest: [BootID: Name] = [:]

    var count: Int { entries.count }

    subscript(_ name: Name) -> Entry? { entries[name] }

    /// The session alone, which is what most messages need.
    func session(_ name: Name) -> Session? { entries[name]?.session }

    /// The session in which the other is told things: the last that was made.
    func newest(with boot: BootID) -> Name? { newest[boot] }

    mutating func add(_ entry: Entry, as name: Name) {
        entries[name] = entry
        newest[name.boot] = name
    }

    /// Numbers a message.
    mutating func number(_ kind: MessageKind, in name: Name) -> UInt64 {
        guard let index = entries.index(forKey: name) else { return 0 }
        return entries.values[index].sent.next(kind)
    }

    /// A message has been opened: it counts once.
    mutating func accept(_ header: RelayHeader, in name: Name) -> Bool {
        guard let index = entries.index(forKey: name) else { return false }
        let isFresh =
            header.kind.travelsWithBodies
            ? entries.values[index].data.accept(header.sequence) : entries.values[index].control.accept(header.sequence)
        if isFresh { entries.values[index].isConfirmed = true }
        return isFresh
    }

    /// The sessions of which the other has to be told again.
    mutating func takeDueHellos(at now: RelayTime) -> [Name] {
        let due = entries.filter { !$0.value.isConfirmed && $0.value.nextHello <= now && newest[$0.key.boot] == $0.key }
        for name in due.keys {
            guard let index = entries.index(forKey: name) else { continue }
            entries.values[index].pause = min(entries.values[index].pause * 2, .seconds(10))
            entries.values[index].nextHello = now + entries.values[index].pause
        }
        return Array(due.keys)
    }

    /// Forgets the sessions of epochs, or of processes, that are over.
    mutating func remove(where isOver: (Name) -> Bool) {
        let over = entries.keys.filter(isOver)
        for name in over {
            entries[name] = nil
            if newest[name.boot] == name {
                newest[name.boot] = entries.keys.filter { $0.boot == name.boot }.max { $0.epoch < $1.epoch }
            }
        }
    }
}

extension MessageKind {
    /// Whether it takes the lane of bodies, when it goes to an inbox within a session; such messages are bundled.
    var travelsWithBodies: Bool { self == .response }
}
