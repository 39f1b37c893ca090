import RelayDelivery
import RelayFormat

/// One process of a connector in the model; does with its table what `ConnectorSession` does.
final class ModelConnector {
    /// Names a lease.
    struct Carrier: Hashable {
        var record: Int
        var epoch: Int
    }

    typealias Table = ExecutionTable<Carrier>

    let index: Int
    let member: MemberID
    let boot: BootID
    let limit: Int
    private unowned let model: RelayModel
    private let number: UInt64
    private let services: [String]
    private var table: Table
    private(set) var isAlive = true
    private(set) var isLinked = true
    private var sleepsUntil = 0

    init(_ model: RelayModel, index: Int, number: UInt64) {
        self.model = model
        self.index = index
        self.number = number
        member = MemberID(high: 9, low: UInt64(index))
        boot = BootID(high: UInt64(index) + 100, low: number)
        limit = model.draw(1...12)
        // Now and then one does not offer the service, so that first attempts go to inboxes.
        services = index > 0 && model.chance(15) ? ["mail"] : ["web"]
        table = Table(limits: .init(requests: limit))
    }

    // MARK: What happens to it

    /// Something reaches the process, as soon as it runs.
    func arrive(_ work: @escaping (ModelConnector) -> Void) {
        guard isLinked else { return }
        whenAwake(work)
    }

    private func whenAwake(_ work: @escaping (ModelConnector) -> Void) {
        guard isAlive else { return }
        guard model.time < sleepsUntil else { return work(self) }
        model.after(sleepsUntil - model.time) { self.whenAwake(work) }
    }

    func crash() {
        isAlive = false
        close()
        model.after(model.draw(300...5000)) { [model, index, number] in
            model.start(ModelConnector(model, index: index, number: number + 1))
        }
    }

    /// The link breaks and comes back; the process lives on.
    func cut(for duration: Int) {
        guard isLinked else { return }
        close()
        model.after(duration) { [self] in
            guard isAlive else { return }
            isLinked = true
            table.drop { _ in true }
            whenAwake { $0.beat() }
            model.queue.pump(in: model)
        }
    }

    private func close() {
        guard isLinked else { return }
        isLinked = false
        let boot = boot
        model.after(model.draw(0...60)) { [model] in
            model.queue.release(boot, in: model)
            // A closed inbox is never missed, only late.
            model.after(model.draw(1...40)) { model.hear { $0.closed(boot, at: $1) } }
        }
    }

    func sleep(for duration: Int) { sleepsUntil = model.time + duration }

    func drain() {
        table.isDraining = true
        beat()
        model.after(3000) { [self] in
            guard isAlive else { return }
            isAlive = false
            close()
        }
    }

    // MARK: What it does

    func keepTime() {
        every(1000) { $0.beat() }
        every(250) { $0.repeatResponses() }
        every(1000) { connector in
            if connector.isLinked { connector.model.queue.extend(connector.table.carriers, in: connector.model) }
        }
    }

    private func every(_ period: Int, _ work: @escaping (ModelConnector) -> Void) {
        whenAwake { connector in
            work(connector)
            connector.model.after(period) { connector.every(period, work) }
        }
    }

    private func say(
        _ event: @escaping (inout DispatchMachine<Int>, Moment) -> [DispatchMachine<Int>.Action]
    ) {
        if isLinked { model.tell(event) }
    }

    private func beat() {
        let message = BeatMessage(
            role: .connector, readiness: table.isDraining ? .draining : .ready, bootNumber: number, name: "\(index)",
            version: "1", services: services, inFlight: UInt32(table.count), credit: UInt32(table.credit))
        let header = RelayHeader(
            kind: .beat, tenant: .none, group: RelayModel.group, sender: member, boot: boot, sequence: 0,
            message: .none, issuedAt: model.now.wall)
        say { $0.beat(message, from: header, at: $1) }
    }

    func admit(_ dispatch: Table.Dispatch, carrier: Carrier?) {
        let now = model.now.wall
        let (id, attempt, boot) = (dispatch.id, dispatch.attempt, boot)
        let isOffered = services.contains("web")
        switch table.admit(dispatch, carrier: carrier, isOffered: isOffered, at: now) {
        case .start:
            say { $0.accepted(id, attempt: attempt, by: boot, at: $1) }
            execute(dispatch, at: now)
        case .running:
            say { $0.accepted(id, attempt: attempt, by: boot, at: $1) }
        case .repeat(let reply):
            respond(reply)
        case .unknown:
            finish(id, .failed(RequestFailure(.outcomeUnknown, "found again")))
        case .giveBack(let reason):
            say { $0.returned(id, attempt: attempt, by: boot, reason: reason, at: $1) }
            settle(carrier.map { [$0] } ?? [])
        case .settle:
            settle(carrier.map { [$0] } ?? [])
        }
    }

    private func execute(_ dispatch: Table.Dispatch, at now: RelayTime) {
        if now >= dispatch.dispatchUntil { model.violate("request \(dispatch.id.low) was started late") }
        if !services.contains("web") { model.violate("request \(dispatch.id.low) was started where it is not offered") }
        model.asked[dispatch.id]?.executions += 1
        let kind = model.draw(0...99)
        let duration = kind < 70 ? model.draw(1...200) : kind < 95 ? model.draw(200...2000) : model.draw(2000...6000)
        let answer = HTTPResponseContent(status: 200, headers: [], body: Array("\(dispatch.id.low)".utf8)[...])
        model.after(duration) { self.whenAwake { $0.finish(dispatch.id, .http(answer)) } }
    }

    private func finish(_ id: RequestID, _ outcome: ResponseMessage.Outcome) {
        if let reply = table.finish(id, outcome, at: model.now.wall) { respond(reply) }
    }

    private func repeatResponses() {
        let due = table.tick(at: model.now.wall)
        for reply in due.replies { respond(reply) }
        settle(due.carriers)
    }

    private func respond(_ reply: Table.Reply) {
        let (id, attempt, member, boot) = (reply.dispatch.id, reply.dispatch.attempt, member, boot)
        guard isLinked else { return }
        model.transmit { [model] in
            model.hear { machine, _ in
                machine.responded(id, attempt: attempt, from: member, by: boot, outcome: reply.outcome)
            }
            model.whenDispatcherWakes {
                model.transmit { self.arrive { $0.settle($0.table.receipt([id], at: model.now.wall)) } }
            }
        }
    }

    private func settle(_ carriers: [Carrier]) {
        guard isLinked, !carriers.isEmpty, !model.chance(1) else { return }
        model.after(model.draw(1...15)) { [model] in model.queue.complete(carriers, in: model) }
    }
}
