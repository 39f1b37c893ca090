import RelayDelivery
import RelayFormat

/// One dispatch machine with connectors that beat, a ledger that writes when it is told to, and a clock that is turned.
final class DispatcherScene {
    typealias Machine = DispatchMachine<String>

    static let group = GroupID(high: 1, low: 1)

    /// A connector's process.
    struct Boot {
        var name: String
        var member: MemberID
        var boot: BootID
        var number: UInt64 = 1
        var services = [ServiceOffer("web")]
        var readiness = BeatMessage.Readiness.ready
        var inFlight: UInt32 = 0
        var credit: UInt32 = 10

        /// The same connector's next process.
        var successor: Boot {
            var next = self
            next.boot = BootID(high: boot.high, low: boot.low + 100)
            next.number += 1
            return next
        }
    }

    /// What the machine did, reduced to what tests look at.
    enum Event: Equatable {
        case dispatched(UInt64, attempt: UInt32, Machine.Route, alone: Bool = false)
        case granted(UInt64, attempt: UInt32, BootID)
        case cancelled(UInt64, attempt: UInt32, BootID, CancelMessage.Mode)
        case asked(BootID, [UInt64])
        case receipt(UInt64, BootID)
        case invited(BootID)
        case dismissed(BootID)
        case answered(UInt64, RequestFailure.Code?, attempt: UInt32)
        case resolved(UInt64, RequestFailure.Code?)
        case recorded(UInt64, [RequestEvent.Kind])
    }

    private var machine: Machine
    private(set) var now: Moment
    /// Whether invitations are among the events; they come again and again.
    var showsInvitations = false
    /// What the ledger has not written yet, with what is done when it has.
    private(set) var unwritten: [(change: LedgerChange, actions: [Machine.Action])] = []
    /// What the ledger has of each request.
    private(set) var ledger: [RequestID: LedgerChange] = [:]

    init(
        limits: DispatchLimits = .init(), timing: PresenceTable.Timing = .init(), isSettled: Bool = true,
        at start: Moment? = nil
    ) {
        let start = start ?? Moment(wall: RelayTime(milliseconds: 1_000_000), steady: .now)
        machine = Machine(limits: limits, timing: timing, now: start.steady)
        now = start
        if isSettled {
            // Presence has flowed for the settling time.
            for _ in 0..<4 {
                _ = ownBeat()
                _ = advance(by: .seconds(1))
            }
            _ = ownBeat()
        }
    }

    static func boot(_ name: String, _ number: UInt64, change: (inout Boot) -> Void = { _ in }) -> Boot {
        var boot = Boot(name: name, member: MemberID(high: 9, low: number), boot: BootID(high: 7, low: number))
        change(&boot)
        return boot
    }

    static func id(_ number: UInt64) -> RequestID { RequestID(high: 5, low: number) }

    static func name(_ number: UInt64, attempt: UInt32 = 1) -> DispatchName {
        DispatchName(request: id(number), attempt: attempt)
    }

    static let answer = ResponseMessage.Outcome.http(HTTPResponseContent(status: 200, headers: [], body: []))
    static let unknown = failure(.outcomeUnknown)

    static func failure(_ code: RequestFailure.Code) -> ResponseMessage.Outcome {
        .failed(RequestFailure(code, "no"))
    }

    // MARK: Time and presence

    /// Lets time pass; the dispatcher's own beat keeps coming back unless `presenceFlows` is false.
    func advance(by duration: Duration, presenceFlows: Bool = false, beating: [Boot] = []) -> [Event] {
        var events: [Event] = []
        var left = duration
        while left > .zero {
            let step = min(left, .milliseconds(250))
            left -= step
            now.wall = now.wall + step
            now.steady += step
            if presenceFlows { events += ownBeat() }
            for boot in beating { events += beat(boot) }
            events += tick()
        }
        return events
    }

    /// Sets the wall clock.
    func stepClock(by duration: Duration) { now.wall = now.wall + duration }

    func tick() -> [Event] { events(machine.tick(at: now)) }

    func ownBeat() -> [Event] { events(machine.ownBeat(at: now)) }

    func beat(_ boot: Boot, group: GroupID = DispatcherScene.group) -> [Event] {
        let message = BeatMessage(
            role: .connector, readiness: boot.readiness, bootNumber: boot.number, name: boot.name, version: "1",
            services: boot.services, inFlight: boot.inFlight, credit: boot.credit)
        return events(machine.beat(message, from: header(.beat, boot, group: group), at: now))
    }

    func revoked(_ boot: Boot) -> [Event] { events(machine.shutOut(boot.member, at: now)) }

    func readmit(_ boot: Boot) { machine.readmit(boot.member) }

    func closed(_ boot: Boot) -> [Event] { events(machine.closed(boot.boot, at: now)) }

    // MARK: Callers

    func submission(
        _ number: UInt64, class requestClass: RequestClass = .safe, service: String = "web",
        within deadline: Duration = .seconds(30), durable: Bool = false, parked: Duration = .seconds(-1), size: Int = 0
    ) -> Machine.Submission {
        Machine.Submission(
            id: Self.id(number), group: Self.group, service: service, requestClass: requestClass,
            deadline: now.wall + deadline, parkUntil: now.wall + parked, submittedAt: now.wall, isDurable: durable,
            size: size)
    }

    func submit(
        _ number: UInt64, class requestClass: RequestClass = .safe, service: String = "web",
        within deadline: Duration = .seconds(30), durable: Bool = false, parked: Duration = .seconds(-1), size: Int = 0
    ) -> [Event] {
        let submission = submission(
            number, class: requestClass, service: service, within: deadline, durable: durable, parked: parked,
            size: size)
        return events(machine.submit(submission, "payload \(number)", at: now))
    }

    /// A first dispatch leaves now, later than it was decided.
    func sent(_ number: UInt64) { machine.sent([Self.name(number)], at: now.steady) }

    func abandon(_ number: UInt64) -> [Event] { events(machine.abandon(Self.id(number), at: now)) }

    func cancel(_ number: UInt64) -> (verdict: CancelVerdict, events: [Event]) {
        let (verdict, actions) = machine.cancel(Self.id(number), by: "somebody", at: now)
        return (verdict, events(actions))
    }

    func sendFailed(_ number: UInt64, attempt: UInt32 = 1, overloaded: Bool) -> [Event] {
        events(machine.sendFailed(Self.id(number), attempt: attempt, overloaded: overloaded, reason: "no", at: now))
    }

    func takeLateReplies() -> Int { machine.takeLateReplies() }

    // MARK: What can be told

    var count: Int { machine.count }
    var earliestDeadline: RelayTime? { machine.earliestDeadline }
    var presence: PresenceTable { machine.presence }

    func isUnresolved(_ number: UInt64) -> Bool { machine.isUnresolved(Self.id(number)) }

    func life(_ number: UInt64) -> Machine.Life? { machine.life(of: Self.id(number), at: now) }

    func objection(toSize size: Int) -> RequestFailure? { machine.objection(toSize: size) }

    // MARK: Connectors

    func accepted(_ number: UInt64, attempt: UInt32 = 1, by boot: Boot) -> [Event] {
        events(machine.accepted(Self.name(number, attempt: attempt), by: header(.accepted, boot), at: now))
    }

    func claimed(
        _ number: UInt64, attempt: UInt32 = 1, by boot: Boot, as requestClass: RequestClass = .once
    ) -> [Event] {
        let claim = ClaimMessage.Claim(Self.name(number, attempt: attempt), as: requestClass)
        return events(machine.claimed(claim, by: header(.claim, boot), at: now))
    }

    func returned(
        _ number: UInt64, attempt: UInt32 = 1, by boot: Boot, _ reason: ReturnMessage.Reason
    ) -> [Event] {
        events(machine.returned(Self.name(number, attempt: attempt), by: boot.boot, reason: reason, at: now))
    }

    func responded(
        _ number: UInt64, attempt: UInt32 = 1, by boot: Boot,
        _ outcome: ResponseMessage.Outcome = DispatcherScene.answer
    ) -> [Event] {
        events(
            machine.responded(
                Self.name(number, attempt: attempt), by: header(.response, boot), outcome: outcome, at: now))
    }

    func known(
        _ number: UInt64, attempt: UInt32 = 1, by boot: Boot, _ knowledge: KnownMessage.Knowledge
    ) -> [Event] {
        let entry = KnownMessage.Entry(Self.name(number, attempt: attempt), knowledge)
        return events(machine.known(entry, by: header(.known, boot), at: now))
    }

    private func header(_ kind: MessageKind, _ boot: Boot, group: GroupID = .none) -> RelayHeader {
        RelayHeader(
            kind: kind, tenant: .none, group: group, sender: boot.member, boot: boot.boot, sequence: 0, message: .none,
            issuedAt: now.wall)
    }

    // MARK: The ledger

    /// The ledger writes all that waits for it, and what depended on it is done.
    func write() -> [Event] {
        var events: [Event] = []
        while !unwritten.isEmpty {
            let (change, actions) = unwritten.removeFirst()
            ledger[change.id] = change
            events += self.events(actions)
        }
        return events
    }

    /// The dispatcher ends before the ledger has written anything more; another takes up what it has.
    func restarted(
        _ number: UInt64, as submission: Machine.Submission, holdOff: Duration = .seconds(3), after pause: Duration
    ) -> DispatcherScene {
        let later = Moment(wall: now.wall + pause, steady: now.steady + pause)
        let scene = DispatcherScene(isSettled: false, at: later)
        scene.restore(number, as: submission, from: ledger[Self.id(number)], holdOff: holdOff)
        return scene
    }

    /// Takes a request up as the ledger has it.
    func restore(
        _ number: UInt64, as submission: Machine.Submission, from change: LedgerChange?,
        holdOff: Duration = .seconds(3),
        marked kind: RequestEvent.Kind = .restored
    ) {
        var submission = submission
        let progress =
            change?.progress
            ?? RequestProgress(
                standing: .waiting, requestClass: submission.requestClass, attempt: 0, losses: 0,
                deadline: submission.deadline, holder: nil)
        submission.requestClass = progress.requestClass
        submission.deadline = progress.deadline
        var events = change?.events ?? []
        if change?.ending == nil { events.append(RequestEvent(at: now.wall, kind)) }
        let request = DurableRequest(
            id: submission.id, tenant: .none, group: submission.group, groupName: "", service: submission.service,
            caller: "", idempotencyKey: nil, fingerprint: [],
            operation: .http(HTTPRequestContent(method: "POST", target: "/", headers: [], body: [])),
            parkUntil: submission.parkUntil, submittedAt: submission.submittedAt, webhook: nil, progress: progress,
            ending: change?.ending, events: events)
        machine.restore(request, submission, "payload \(number)", holdOff: holdOff, at: now)
    }

    private func events(_ actions: [Machine.Action]) -> [Event] {
        actions.compactMap { action in
            switch action {
            case .dispatch(let submission, _, let dispatch):
                return .dispatched(
                    submission.id.low, attempt: dispatch.attempt, dispatch.route, alone: dispatch.runsAlone)
            case .grant(let boot, let name): return .granted(name.request.low, attempt: name.attempt, boot)
            case .cancel(let boot, let name, let mode):
                return .cancelled(name.request.low, attempt: name.attempt, boot, mode)
            case .ask(let boot, let names): return .asked(boot, names.map(\.request.low).sorted())
            case .receipt(let boot, let id): return .receipt(id.low, boot)
            case .invite(let boot): return showsInvitations ? .invited(boot) : nil
            case .dismiss(let boot): return .dismissed(boot)
            case .answer(let submission, _, let ending, _):
                return .answered(submission.id.low, Self.code(ending.outcome), attempt: ending.attempt)
            case .resolved(let submission, let ending, _):
                return .resolved(submission.id.low, Self.code(ending.outcome))
            case .record(let change, let then):
                unwritten.append((change, then))
                return .recorded(change.id.low, change.events.map(\.kind))
            case .close(let id):
                machine.close(id)
                return nil
            }
        }
    }

    static func code(_ outcome: ResponseMessage.Outcome) -> RequestFailure.Code? {
        if case .failed(let failure) = outcome { failure.code } else { nil }
    }
}
