import RelayDelivery
import RelayFormat

/// One dispatch machine with connectors that beat, and a clock that the test turns.
struct DispatcherScene {
    typealias Machine = DispatchMachine<String>

    static let group = GroupID(high: 1, low: 1)

    /// A connector's process.
    struct Boot {
        var name: String
        var member: MemberID
        var boot: BootID
        var number: UInt64 = 1
        var services = ["web"]
        var readiness = BeatMessage.Readiness.ready
        var inFlight: UInt32 = 0
        var credit: UInt32 = 10
    }

    /// What the machine did, reduced to what tests look at.
    enum Event: Equatable {
        case dispatched(UInt64, attempt: UInt32, DispatchMachine<String>.Route)
        case answered(UInt64, RequestFailure.Code?, attempt: UInt32)
        case invited(BootID)
    }

    private(set) var machine: Machine
    private(set) var now: Moment
    private var started: Moment

    init(limits: DispatchLimits = .init(), isSettled: Bool = true) {
        let start = Moment(wall: RelayTime(milliseconds: 1_000_000), steady: .now)
        machine = Machine(limits: limits, now: start.steady)
        now = start
        started = start
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

    static let answer = ResponseMessage.Outcome.http(HTTPResponseContent(status: 200, headers: [], body: []))
    static let unknown = ResponseMessage.Outcome.failed(RequestFailure(.outcomeUnknown, "found again"))

    // MARK: Events

    /// Lets time pass; the dispatcher's own beat keeps coming back unless `presenceFlows` is false.
    mutating func advance(by duration: Duration, presenceFlows: Bool = false, beating: [Boot] = []) -> [Event] {
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

    mutating func tick() -> [Event] { events(machine.tick(at: now)) }

    mutating func ownBeat() -> [Event] { events(machine.ownBeat(at: now)) }

    mutating func beat(_ boot: Boot, group: GroupID = DispatcherScene.group) -> [Event] {
        let header = RelayHeader(
            kind: .beat, tenant: .none, group: group, sender: boot.member, boot: boot.boot, sequence: 0,
            message: .none, issuedAt: now.wall)
        let message = BeatMessage(
            role: .connector, readiness: boot.readiness, bootNumber: boot.number, name: boot.name, version: "1",
            services: boot.services, inFlight: boot.inFlight, credit: boot.credit)
        return events(machine.beat(message, from: header, at: now))
    }

    mutating func revoked(_ boot: Boot) -> [Event] { events(machine.revoked(boot.member, at: now)) }

    mutating func closed(_ boot: Boot) -> [Event] { events(machine.closed(boot.boot, at: now)) }

    mutating func submit(
        _ number: UInt64, class requestClass: RequestClass = .safe, service: String = "web",
        within deadline: Duration = .seconds(30)
    ) -> [Event] {
        events(
            machine.submit(
                .init(
                    id: Self.id(number), group: Self.group, service: service, requestClass: requestClass,
                    deadline: now.wall + deadline), "payload \(number)", at: now))
    }

    mutating func accepted(_ number: UInt64, attempt: UInt32 = 1, by boot: Boot) -> [Event] {
        events(machine.accepted(Self.id(number), attempt: attempt, by: boot.boot, at: now))
    }

    mutating func returned(
        _ number: UInt64, attempt: UInt32 = 1, by boot: Boot, _ reason: ReturnMessage.Reason
    ) -> [Event] {
        events(machine.returned(Self.id(number), attempt: attempt, by: boot.boot, reason: reason, at: now))
    }

    mutating func responded(
        _ number: UInt64, attempt: UInt32 = 1, by boot: Boot, _ outcome: ResponseMessage.Outcome = Self.answer
    ) -> [Event] {
        events(
            machine.responded(Self.id(number), attempt: attempt, from: boot.member, by: boot.boot, outcome: outcome))
    }

    mutating func sendFailed(_ number: UInt64, attempt: UInt32 = 1, overloaded: Bool) -> [Event] {
        events(machine.sendFailed(Self.id(number), attempt: attempt, overloaded: overloaded, reason: "no"))
    }

    mutating func abandon(_ number: UInt64) -> [Event] { events(machine.abandon(Self.id(number))) }

    private func events(_ actions: [Machine.Action]) -> [Event] {
        actions.map { action in
            switch action {
            case .dispatch(let submission, _, let attempt, let route):
                return .dispatched(submission.id.low, attempt: attempt, route)
            case .answer(let submission, _, let answer):
                let failure: RequestFailure.Code? =
                    if case .failed(let failure) = answer.outcome { failure.code } else { nil }
                return .answered(submission.id.low, failure, attempt: answer.attempt)
            case .invite(let boot):
                return .invited(boot)
            }
        }
    }
}
