public import RelayFormat

/// Who is there: beats and closed links in, changes of standing out.
///
/// Silence counts only while presence is known to flow, which the dispatcher's own beat proves by coming back.
public struct PresenceTable: Sendable {
    /// The times that turn silence into suspicion and loss.
    public struct Timing: Sendable {
        /// The time between two beats.
        public var beat: Duration
        /// For how long after its start a dispatcher holds calls instead of failing them.
        public var settling: Duration
        /// For how long after the last sign of a lost member its part of a group's queue may be nobody's.
        public var handover: Duration

        /// Makes a timing; the defaults are those of the embedded broker.
        public init(beat: Duration = .seconds(1), settling: Duration = .seconds(3), handover: Duration = .zero) {
            self.beat = beat
            self.settling = settling
            self.handover = handover
        }
    }

    /// A change of a peer's standing that requests care about.
    public enum Change: Sendable, Equatable {
        /// A boot was seen for the first time, or offers other services than before.
        case joined(BootID)
        /// A suspected or lost boot has beaten again.
        case returned(BootID)
        /// The link of a boot closed.
        case linkClosed(BootID)
        /// A boot is lost.
        case lost(BootID)
        /// A boot beats although a newer one of its connector has taken its place.
        case outdated(BootID)
    }

    let timing: Timing
    private let started: ContinuousClock.Instant
    private var lastFlow: ContinuousClock.Instant?
    private var settledFrom: ContinuousClock.Instant
    private var members: [GroupID: Set<BootID>] = [:]
    private var departures: [GroupID: (name: String, at: ContinuousClock.Instant)] = [:]
    /// Until when the broker may be sharing out a group's queue anew, or those of all groups.
    private var handovers: [GroupID: ContinuousClock.Instant] = [:]
    private var handoverOfAll: ContinuousClock.Instant?
    /// All peers by boot; lost ones are forgotten after a minute.
    public private(set) var peers: [BootID: Peer] = [:]

    /// Starts with nobody known.
    public init(timing: Timing = Timing(), now: ContinuousClock.Instant) {
        self.timing = timing
        started = now
        settledFrom = now + timing.settling
    }

    /// Whether an absence may be believed: presence has flowed for the settling time.
    public func isSettled(at now: ContinuousClock.Instant) -> Bool {
        now >= settledFrom && isFlowing(at: now)
    }

    private func isFlowing(at now: ContinuousClock.Instant) -> Bool {
        guard let lastFlow else { return false }
        return now - lastFlow < timing.beat * 2.5
    }

    /// The dispatcher's own beat came back.
    public mutating func ownBeat(at now: ContinuousClock.Instant) {
        if now - (lastFlow ?? started) >= timing.beat * 2.5 {
            // What was silent while presence did not flow has proved nothing by that.
            settledFrom = max(settledFrom, now + timing.settling)
            for boot in peers.keys where peers[boot]?.standing != .lost { peers[boot]?.lastBeat = now }
            // The broker has not heard its members either, and may take them for lost.
            if lastFlow != nil { handoverOfAll = now + timing.handover }
        }
        lastFlow = now
    }

    /// A connector's beat came.
    public mutating func beat(
        _ beat: BeatMessage, from header: RelayHeader, at now: ContinuousClock.Instant
    ) -> [Change] {
        guard beat.role == .connector else { return [] }
        var changes: [Change] = []
        let rivals = peers.values.filter { rival in
            rival.member == header.sender && rival.boot != header.boot && beat.readiness != .observing
                && rival.readiness != .observing
        }
        // A late beat of an older boot says nothing about the present.
        if let newest = rivals.max(by: { $0.bootNumber < $1.bootNumber }), newest.bootNumber > beat.bootNumber {
            return newest.standing == .lost ? [] : [.outdated(header.boot)]
        }
        for rival in rivals { changes += lose(rival.boot, at: now, isReplaced: true) }
        var peer =
            peers[header.boot]
            ?? Peer(
                member: header.sender, boot: header.boot, bootNumber: beat.bootNumber, name: beat.name,
                version: beat.version, readiness: beat.readiness, offers: [:], inFlight: 0, credit: 0, note: "",
                lastBeat: now, standing: .online, withoutRoom: now)
        let services = Dictionary(beat.services.map { ($0.name, $0) }) { first, _ in first }
        let known = peers[header.boot]
        if let known, known.standing != .online {
            changes.append(.returned(header.boot))
            (peer.withoutRoom, peer.invited) = (now, nil)
        }
        // Whoever is new is given its share by those who are alive, which takes less than finding out who is not.
        if known?.offers[header.group] == nil { expectHandover(of: header.group, until: now + timing.handover / 4) }
        if known == nil || known?.offers[header.group] != services || known?.readiness != beat.readiness {
            changes.append(.joined(header.boot))
        }
        if beat.credit == 0 { peer.withoutRoom = now }
        peer.offers[header.group] = services
        peer.readiness = beat.readiness
        peer.inFlight = beat.inFlight
        peer.credit = beat.credit
        peer.note = beat.note
        peer.lastBeat = now
        peer.standing = .online
        peers[header.boot] = peer
        members[header.group, default: []].insert(header.boot)
        return changes
    }

    /// Whether a boot is to be invited now.
    ///
    /// One that was away may have forgotten the dispatcher, and an invitation may be lost: a further one changes nothing.
    mutating func takeInvitation(of boot: BootID, at now: ContinuousClock.Instant) -> Bool {
        guard let peer = peers[boot], peer.standing == .online,
            peer.invited.map({ now - $0 >= .seconds(10) }) ?? true
        else { return false }
        peers[boot]?.invited = now
        return true
    }

    /// A boot took a request from a queue, which was dispatched then.
    mutating func took(
        _ boot: BootID, dispatchedAt dispatched: ContinuousClock.Instant, at now: ContinuousClock.Instant
    ) {
        guard let index = peers.index(forKey: boot) else { return }
        peers.values[index].lastTaking = now
        peers.values[index].reached.take(dispatchedAt: dispatched, at: now)
    }

    /// The broker saw the inbox of a boot close.
    public mutating func closed(_ boot: BootID) -> [Change] {
        guard let peer = peers[boot], peer.standing == .online || peer.standing == .suspect(.silent) else { return [] }
        peers[boot]?.standing = .suspect(.linkClosed)
        for group in peer.offers.keys { expectHandover(of: group, until: peer.lastBeat + timing.handover) }
        return [.linkClosed(boot)]
    }

    /// A connector was revoked: none of its boots comes back.
    public mutating func revoked(_ member: MemberID, at now: ContinuousClock.Instant) -> [Change] {
        peers.values.filter { $0.member == member }.flatMap { lose($0.boot, at: now) }
    }

    /// Time passed.
    public mutating func tick(at now: ContinuousClock.Instant) -> [Change] {
        guard isFlowing(at: now) else { return [] }
        var changes: [Change] = []
        for peer in peers.values {
            let silence = now - peer.lastBeat
            switch peer.standing {
            case .online where silence >= timing.beat * 2.25:
                peers[peer.boot]?.standing = .suspect(.silent)
            case .suspect where silence >= timing.beat * 3.25:
                changes += lose(peer.boot, at: now)
            case .lost where silence >= .seconds(60):
                forget(peer.boot)
            case .online, .suspect, .lost:
                break
            }
        }
        return changes
    }

    private mutating func lose(
        _ boot: BootID, at now: ContinuousClock.Instant, isReplaced: Bool = false
    ) -> [Change] {
        guard let peer = peers[boot], peer.standing != .lost else { return [] }
        peers[boot]?.standing = .lost
        for group in peer.offers.keys {
            departures[group] = (peer.name, peer.lastBeat)
            expectHandover(of: group, until: peer.lastBeat + timing.handover)
        }
        // It may be alive, and not know that it was replaced.
        return isReplaced ? [.lost(boot), .outdated(boot)] : [.lost(boot)]
    }

    private mutating func expectHandover(of group: GroupID, until end: ContinuousClock.Instant) {
        guard timing.handover > .zero else { return }
        handovers[group] = max(handovers[group] ?? end, end)
    }

    /// Whether what goes into a group's queue now may lie in the part of a member that is gone, or that the broker takes
    /// for gone since it was away itself.
    func isHandingOver(_ group: GroupID, at now: ContinuousClock.Instant) -> Bool {
        guard timing.handover > .zero else { return false }
        if max(handovers[group] ?? now, handoverOfAll ?? now) > now { return true }
        return lastFlow != nil && !isFlowing(at: now)
    }

    private mutating func forget(_ boot: BootID) {
        guard let peer = peers.removeValue(forKey: boot) else { return }
        for group in peer.offers.keys { members[group]?.remove(boot) }
    }

    /// Where new work of a service of a group can go.
    public struct Prospects: Sendable, Equatable {
        /// Those that take work and offer the service, in no order.
        public var able: [BootID] = []
        /// Whether all that take work offer it, so that the group's queue will do.
        public var allOffer = true
        /// Whether a suspected peer offers it and may come back.
        public var mayReturn = false
        /// Whether anyone of the group takes work at all.
        public var anyone = false
    }

    /// Looks for those who could do the work.
    public func prospects(group: GroupID, service: String) -> Prospects {
        var prospects = Prospects()
        for boot in members[group] ?? [] {
            guard let peer = peers[boot], peer.standing != .lost, peer.readiness == .ready else { continue }
            let offers = peer.offers[group]?[service] != nil
            if peer.takesWork {
                prospects.anyone = true
                if offers { prospects.able.append(boot) } else { prospects.allOffer = false }
            } else if offers {
                prospects.mayReturn = true
            }
        }
        return prospects
    }

    /// The class of a request whose caller states none: the strictest that a connector of the group says.
    public func requestClass(group: GroupID, service: String, method: some StringProtocol) -> RequestClass {
        var strictest: RequestClass?
        for boot in members[group] ?? [] {
            guard let peer = peers[boot], peer.standing != .lost, let offer = peer.offers[group]?[service] else {
                continue
            }
            let stated = offer.requestClass(forHTTPMethod: method)
            strictest = max(strictest ?? stated, stated)
        }
        return strictest ?? .standard(forHTTPMethod: method)
    }

    /// The process of a connector that is online.
    func boot(of member: MemberID) -> BootID? {
        peers.values.first { $0.member == member && $0.standing == .online && $0.readiness != .observing }?.boot
    }

    /// Says for people who is missing in a group, and since when.
    public func absence(of group: GroupID, at now: ContinuousClock.Instant) -> String {
        for peer in (members[group] ?? []).compactMap({ peers[$0] }) where peer.standing == .online {
            switch peer.readiness {
            case .paused: return "\(peer.name) is paused" + (peer.note.isEmpty ? "" : ": \(peer.note)")
            case .draining: return "\(peer.name) is on its way out"
            case .ready, .observing: continue
            }
        }
        guard let departure = departures[group] else { return "none has been seen since this dispatcher started" }
        return "the last one, \(departure.name), was last seen \((now - departure.at).components.seconds) s ago"
    }
}
