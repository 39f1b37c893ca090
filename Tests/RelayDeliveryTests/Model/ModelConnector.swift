@testable import RelayDelivery
import RelayFormat

/// One process of a connector in the model; does with its table what `ConnectorSession` does.
final class ModelConnector {
    /// Names a lease.
    struct Carrier: Hashable {
        var record: Int
        var epoch: Int
    }

    struct Handler {
        var isCancelled = false
    }

    typealias Table = ExecutionTable<Carrier>

    let index: Int
    let member: MemberID
    let boot: BootID
    let number: UInt64
    let limit: Int
    let journal: ModelJournal?
    unowned let model: RelayModel
    private let services: [ServiceOffer]
    /// How far its clock is off.
    private let skew: Int
    var table: Table
    var handlers: [RequestID: Handler] = [:]
    var dispatchers = KnownDispatchers()
    /// Up to which attempt it has promised never to start a request, by RETURN or by saying that it does not know it.
    var promised: [RequestID: UInt32] = [:]
    private(set) var isAlive = true
    private(set) var isLinked = true
    private var isDraining = false
    private var sleepsUntil = 0
    private var lastTick = 0
    private var isSuspectUntil = 0

    init(_ model: RelayModel, index: Int, number: UInt64, journal: ModelJournal?) {
        self.model = model
        self.index = index
        self.number = number
        self.journal = journal
        member = MemberID(high: 9, low: UInt64(index))
        boot = BootID(high: UInt64(index) + 100, low: number)
        limit = model.draw(1...12)
        skew = model.chance(20) ? model.draw(-300...300) : 0
        // Now and then one does not offer the service, so that first attempts go to inboxes.
        services = [ServiceOffer(index > 0 && model.chance(15) ? "mail" : "web")]
        table = Table(limits: .init(requests: limit), hasJournal: journal != nil)
        lastTick = model.time
        journal?.reopen()
        table.restore(journal?.unconfirmed(at: clock) ?? [], at: clock)
    }

    /// The tenant's time as it knows it.
    var clock: RelayTime { model.now.wall + .milliseconds(skew) }

    var offersWeb: Bool { services == [ServiceOffer("web")] }

    // MARK: What happens to it

    /// Something reaches the process, as soon as it runs.
    func arrive(_ work: @escaping (ModelConnector) -> Void) {
        guard isLinked else { return }
        whenAwake(work)
    }

    func whenAwake(_ work: @escaping (ModelConnector) -> Void) {
        guard isAlive else { return }
        guard model.time < sleepsUntil else { return work(self) }
        model.after(sleepsUntil - model.time) { self.whenAwake(work) }
    }

    func crash() {
        guard isAlive else { return }
        if model.chance(30), let journal {
            model.powerCuts.insert(member)
            journal.cutPower { self.model.draw(0...$0) }
        }
        end()
        restart(after: model.draw(300...5000))
    }

    /// Another process of the same identity starts, while this one still runs.
    func double() {
        model.doubled.insert(member)
        restart(after: 0)
    }

    private func restart(after pause: Int) {
        model.after(pause) { [model, index, journal, member] in
            let newest = model.connectors.filter { $0.member == member }.map(\.number).max() ?? 0
            model.start(ModelConnector(model, index: index, number: newest + 1, journal: journal))
        }
    }

    func dismissed() { end() }

    private func end() {
        isAlive = false
        close()
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
            model.after(model.draw(1...40)) { model.dispatcher?.hear { $0.closed(boot, at: $1) } }
        }
    }

    func sleep(for duration: Int) { sleepsUntil = model.time + duration }

    func drain() {
        isDraining = true
        carryOut(table.refuseAll(at: clock))
        beat()
        // It stays until all is answered, or its time is over.
        for pause in stride(from: 100, through: 3000, by: 100) {
            model.after(pause) { [self] in
                guard isAlive, table.count == 0 || pause == 3000 else { return }
                end()
                restart(after: model.draw(500...4000))
            }
        }
    }

    // MARK: What it does

    func keepTime() {
        every(1000) { $0.beat() }
        every(250) { connector in
            if connector.model.time - connector.lastTick > 2000 {
                connector.isSuspectUntil = connector.model.time + 2000
            }
            connector.lastTick = connector.model.time
            connector.carryOut(connector.table.tick(at: connector.clock))
        }
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

    private func beat() {
        guard isLinked else { return }
        let message = BeatMessage(
            role: .connector, readiness: isDraining ? .draining : .ready, bootNumber: number, name: "\(index)",
            version: "1", services: services, inFlight: UInt32(table.active), credit: UInt32(table.credit))
        let header = header(.beat, group: RelayModel.group)
        model.transmit { [model] in model.dispatcher?.hear { $0.beat(message, from: header, at: $1) } }
    }

    func header(_ kind: MessageKind, group: GroupID = .none) -> RelayHeader {
        RelayHeader(
            kind: kind, tenant: .none, group: group, sender: member, boot: boot, sequence: 0, message: .none,
            issuedAt: clock)
    }

    func admit(_ dispatch: Table.Dispatch, carrier: Carrier?) {
        var dispatch = dispatch
        if model.time - lastTick > 2000 || model.time < isSuspectUntil { dispatch.mayBeRedelivery = true }
        let step = table.admit(
            dispatch, carrier: carrier, offer: offersWeb ? .offered : .unknown, gate: { !model.chance(1) }, at: clock)
        carryOut([step])
    }

    func invited(by origin: BootID, number: UInt64) {
        guard
            dispatchers.invited(
                by: ModelDispatcher.member, boot: origin, bootNumber: number, at: model.now.steady)
        else { return }
        carryOut(table.invited(by: ModelDispatcher.member, at: clock))
    }

    func promise(never name: DispatchName) { promised[name.request] = max(name.attempt, promised[name.request] ?? 0) }

    func receipt(_ id: RequestID) {
        let settlement = table.receipt([id], at: clock)
        settle(settlement.carriers)
        note(settlement.journaled.map { .receipted($0) })
    }

    func settle(_ carriers: [Carrier]) {
        guard isLinked, !carriers.isEmpty, !model.chance(1) else { return }
        model.after(model.draw(1...15)) { [model] in model.queue.complete(carriers, in: model) }
    }
}
