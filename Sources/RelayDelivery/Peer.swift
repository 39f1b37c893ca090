public import RelayFormat

/// A connector's process as the dispatcher knows it from beats.
public struct Peer: Sendable, Equatable {
    /// How sure the dispatcher is that the process is there.
    public enum Standing: Sendable, Equatable {
        /// Its beats come. Exits: `suspect`, `lost`.
        case online
        /// Its link closed, or two beats are missing. Exits: `online` by a beat, `lost`.
        case suspect(Suspicion)
        /// Three beats are missing, or another boot of the identity took its place. No exit but a beat.
        case lost

        /// The name for people and programs.
        public var name: String {
            switch self {
            case .online: "online"
            case .suspect: "suspect"
            case .lost: "lost"
            }
        }
    }

    /// Why a peer is suspected.
    public enum Suspicion: Sendable, Equatable {
        /// The broker saw its link close.
        case linkClosed
        /// Beats are missing.
        case silent
    }

    /// How far a peer has come in its queues, and how far it had come half a second ago or more.
    ///
    /// Words about requests that it took at one time may come in any order: only the older mark tells which it passed over.
    struct Reach: Sendable, Equatable {
        private var newest: ContinuousClock.Instant?
        private var candidate: (mark: ContinuousClock.Instant, since: ContinuousClock.Instant)?
        /// When the newest request was dispatched that it had taken by then.
        private(set) var settled: ContinuousClock.Instant?

        mutating func take(dispatchedAt dispatched: ContinuousClock.Instant, at now: ContinuousClock.Instant) {
            settle(at: now)
            let mark = max(newest ?? dispatched, dispatched)
            newest = mark
            if candidate == nil { candidate = (mark, now) }
        }

        /// Lets what is old enough count; the newest mark is so after a second at the latest.
        mutating func settle(at now: ContinuousClock.Instant) {
            guard let known = candidate, now - known.since >= .milliseconds(500) else { return }
            let isQuiet = now - known.since >= .seconds(1)
            settled = isQuiet ? newest : known.mark
            candidate = isQuiet ? nil : newest.map { ($0, now) }
        }

        static func == (left: Self, right: Self) -> Bool {
            left.newest == right.newest && left.settled == right.settled
        }
    }

    /// The connector.
    public var member: MemberID
    /// Its process.
    public var boot: BootID
    /// Which start of the connector this is.
    public var bootNumber: UInt64
    /// The connector's name.
    public var name: String
    /// The version of its program.
    public var version: String
    /// Whether it takes work.
    public var readiness: BeatMessage.Readiness
    /// What it offers, by group and name.
    public var offers: [GroupID: [String: ServiceOffer]]
    /// How many requests it has.
    public var inFlight: UInt32
    /// How many more it would take.
    public var credit: UInt32
    /// Why it takes no work, in the words of the person who told it so; empty otherwise.
    public var note: String
    /// When its last beat came.
    public var lastBeat: ContinuousClock.Instant
    /// How sure we are of it.
    public var standing: Standing
    /// When it had no room, or was not there, the last time.
    var withoutRoom: ContinuousClock.Instant
    /// When it took a request from a queue the last time.
    var lastTaking: ContinuousClock.Instant?
    /// How far it has come in the queues: when the newest request was dispatched that it has taken.
    var reached = Reach()
    /// When it was invited; nil when it has been away since.
    var invited: ContinuousClock.Instant?

    /// Whether new work may be addressed to it.
    public var takesWork: Bool { standing == .online && readiness == .ready }
}
