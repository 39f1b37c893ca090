import RelayDelivery
import RelayFormat

/// A table of a connector with the present, reduced to what tests look at.
struct ExecutionScene: ~Copyable {
    typealias Table = ExecutionTable<String>

    /// A step, reduced to what tests look at.
    enum Seen: Equatable, CustomStringConvertible {
        case run(UInt64)
        case accept(UInt64)
        case write(UInt64)
        case claim(UInt64, RequestClass, writes: Bool)
        case lookUp(UInt64)
        case wait
        case deny(UInt64)
        case respond(UInt64, attempt: UInt32)
        case giveBack(UInt64, ReturnMessage.Reason, [String])
        case interrupted(UInt64, [String])
        case settle(UInt64, [String])
        case withdraw(UInt64, attempt: UInt32)
        case stop(UInt64)

        init(_ step: Table.Step) {
            switch step {
            case .run(let dispatch): self = .run(dispatch.id.low)
            case .accept(let dispatch): self = .accept(dispatch.id.low)
            case .write(let dispatch): self = .write(dispatch.id.low)
            case .claim(let dispatch, let isWritten):
                self = .claim(dispatch.id.low, dispatch.requestClass, writes: !isWritten)
            case .lookUp(let dispatch): self = .lookUp(dispatch.id.low)
            case .wait: self = .wait
            case .deny(let dispatch, _): self = .deny(dispatch.id.low)
            case .respond(let reply): self = .respond(reply.dispatch.id.low, attempt: reply.dispatch.attempt)
            case .giveBack(let dispatch, let reason, let carriers): self = .giveBack(dispatch.id.low, reason, carriers)
            case .interrupted(let dispatch, let carriers): self = .interrupted(dispatch.id.low, carriers)
            case .settle(let id, let carriers): self = .settle(id.low, carriers)
            case .withdraw(let name): self = .withdraw(name.request.low, attempt: name.attempt)
            case .stop(let id): self = .stop(id.low)
            }
        }

        var description: String {
            switch self {
            case .run(let id): "run \(id)"
            case .accept(let id): "accept \(id)"
            case .write(let id): "write \(id)"
            case .claim(let id, let requestClass, let writes): "claim \(id) \(requestClass) writes \(writes)"
            case .lookUp(let id): "look up \(id)"
            case .wait: "wait"
            case .deny(let id): "deny \(id)"
            case .respond(let id, let attempt): "respond \(id).\(attempt)"
            case .giveBack(let id, let reason, let carriers): "give back \(id) \(reason) \(carriers)"
            case .interrupted(let id, let carriers): "interrupted \(id) \(carriers)"
            case .settle(let id, let carriers): "settle \(id) \(carriers)"
            case .withdraw(let id, let attempt): "withdraw \(id).\(attempt)"
            case .stop(let id): "stop \(id)"
            }
        }
    }

    static let dispatcher = MemberID(high: 7, low: 7)
    static let start = RelayTime(milliseconds: 1_000_000)
    static let answer = ResponseMessage.Outcome.http(HTTPResponseContent(status: 200, headers: [], body: [1, 2, 3]))

    var table: Table
    var now = ExecutionScene.start

    init(limits: Table.Limits = .init(), hasJournal: Bool = false) {
        table = Table(limits: limits, hasJournal: hasJournal)
    }

    static func id(_ number: UInt64) -> RequestID { RequestID(high: 1, low: number) }

    static func name(_ number: UInt64, attempt: UInt32 = 1) -> DispatchName {
        DispatchName(request: id(number), attempt: attempt)
    }

    mutating func wait(_ duration: Duration) { now = now + duration }

    mutating func admit(
        _ number: UInt64, attempt: UInt32 = 1, as requestClass: RequestClass = .safe, by carrier: String? = nil,
        deadline: Duration = .seconds(30), until: Duration? = nil, again: Bool = false, alone: Bool = false,
        offer: Table.Offer = .offered, gate: Bool = true, origin: UInt64 = 1
    ) -> Seen {
        let dispatch = Table.Dispatch(
            id: Self.id(number), attempt: attempt, group: .none, dispatcher: Self.dispatcher,
            origin: BootID(high: 0, low: origin), requestClass: requestClass, deadline: Self.start + deadline,
            dispatchUntil: Self.start + (until ?? deadline), mayBeRedelivery: again, runsAlone: alone)
        return Seen(table.admit(dispatch, carrier: carrier, offer: offer, gate: { gate }, at: now))
    }

    mutating func grant(_ number: UInt64, attempt: UInt32 = 1) -> [Seen] {
        table.grant([Self.name(number, attempt: attempt)], at: now).map(Seen.init)
    }

    mutating func cancel(_ number: UInt64, attempt: UInt32 = 1, _ mode: CancelMessage.Mode = .stop) -> [Seen] {
        table.cancel([Self.name(number, attempt: attempt)], mode: mode, at: now).map(Seen.init)
    }

    mutating func written(_ number: UInt64) -> [Seen] { table.written([Self.id(number)], at: now).map(Seen.init) }

    mutating func notWritten(_ number: UInt64) -> [Seen] { table.notWritten([Self.id(number)], at: now).map(Seen.init) }

    mutating func resolve(_ number: UInt64, _ state: JournalRecord.State?, attempt: UInt32 = 1) -> [Seen] {
        table.resolve(Self.id(number), state.map { Self.record(number, $0, attempt: attempt) }, at: now).map(Seen.init)
    }

    mutating func finish(_ number: UInt64, _ outcome: ResponseMessage.Outcome = answer) -> [Seen] {
        let (reply, steps) = table.finish(Self.id(number), outcome, at: now)
        return (reply.map { [Seen(.respond($0))] } ?? []) + steps.map(Seen.init)
    }

    mutating func receipt(_ numbers: UInt64...) -> [String] {
        table.receipt(numbers.map(Self.id), at: now).carriers.sorted()
    }

    mutating func announced() -> [UInt64] { table.takeUnannounced().map(\.id.low) }

    mutating func tick(slow: Bool = false) -> [Seen] {
        table.isSendingSlow = slow
        return table.tick(at: now).map(Seen.init)
    }

    func ask(_ number: UInt64, attempt: UInt32 = 1) -> KnownMessage.Knowledge? {
        table.ask([Self.name(number, attempt: attempt)]).known[0]
    }

    static func record(_ number: UInt64, _ state: JournalRecord.State, attempt: UInt32 = 1) -> JournalRecord {
        JournalRecord(
            id: id(number), attempt: attempt, requestClass: .once, tenant: .none, group: .none, dispatcher: dispatcher,
            deadline: start + .seconds(30), state: state)
    }
}
