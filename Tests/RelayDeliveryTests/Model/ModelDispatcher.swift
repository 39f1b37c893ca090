@testable import RelayDelivery
import RelayFormat

/// One process of the model's dispatcher; does with its machine what `TenantDispatcher` does.
final class ModelDispatcher {
    typealias Machine = DispatchMachine<Int>

    static let member = MemberID(high: 3, low: 3)

    let boot: BootID
    private let number: UInt64
    private unowned let model: RelayModel
    private(set) var machine: Machine
    private(set) var isAlive = true
    private(set) var sleepsUntil = 0
    /// Decisions that wait for the ledger.
    private var entries: [(change: LedgerChange, actions: [Machine.Action])] = []
    private var isWriting = false

    init(_ model: RelayModel) {
        self.model = model
        model.ledger.boots += 1
        number = model.ledger.boots
        boot = BootID(high: 3, low: number)
        machine = Machine(now: model.now.steady)
        restore()
        tick()
        beat()
    }

    private func restore() {
        for request in model.ledger.unfinished {
            var request = request
            if request.ending == nil {
                request.events.append(RequestEvent(at: model.now.wall, .restored, attempt: request.progress.attempt))
            }
            machine.restore(
                request, Self.submission(of: request), 0, holdOff: .seconds(3), at: model.now)
        }
    }

    private static func submission(of request: DurableRequest) -> Machine.Submission {
        Machine.Submission(
            id: request.id, group: request.group, service: request.service,
            requestClass: request.progress.requestClass, deadline: request.progress.deadline,
            parkUntil: request.parkUntil, submittedAt: request.submittedAt, isDurable: true, size: 10)
    }

    // MARK: What happens to it

    func whenAwake(_ work: @escaping (ModelDispatcher) -> Void) {
        guard isAlive else { return }
        guard model.time < sleepsUntil else { return work(self) }
        model.after(sleepsUntil - model.time) { self.whenAwake(work) }
    }

    func sleep(for duration: Int) { sleepsUntil = max(sleepsUntil, model.time + duration) }

    func crash() {
        isAlive = false
        model.dispatcherCrashes += 1
        model.after(model.draw(100...4000)) { [model] in model.dispatcher = ModelDispatcher(model) }
    }

    /// An event for the machine.
    func hear(_ event: @escaping (inout Machine, Moment) -> [Machine.Action]) {
        whenAwake { $0.act(on: event(&$0.machine, $0.model.now)) }
    }

    private func tick() {
        whenAwake { dispatcher in
            dispatcher.act(on: dispatcher.machine.tick(at: dispatcher.model.now))
            dispatcher.model.after(100) { dispatcher.tick() }
        }
    }

    private func beat() {
        whenAwake { dispatcher in
            let model = dispatcher.model
            model.after(model.draw(1...15)) { dispatcher.hear { $0.ownBeat(at: $1) } }
            model.after(1000) { dispatcher.beat() }
        }
    }

    // MARK: Callers

    func submit(_ request: DurableRequest, isDurable: Bool) {
        whenAwake { dispatcher in
            var submission = Self.submission(of: request)
            submission.isDurable = isDurable
            if isDurable {
                dispatcher.model.ledger.insert(request)
                // Killed as soon as it is on disk.
                guard !dispatcher.model.chance(1) else { return dispatcher.crash() }
            }
            dispatcher.model.asked[request.id]?.origin = isDurable ? nil : dispatcher.boot
            dispatcher.act(on: dispatcher.machine.submit(submission, 0, at: dispatcher.model.now))
        }
    }

    func cancel(_ id: RequestID) {
        whenAwake { dispatcher in
            let (verdict, actions) = dispatcher.machine.cancel(id, by: "somebody", at: dispatcher.model.now)
            if verdict != .notOpen { dispatcher.model.asked[id]?.isExcused = true }
            dispatcher.act(on: actions)
        }
    }

    func abandon(_ id: RequestID) {
        guard model.asked[id]?.origin == boot else { return }
        model.asked[id]?.isExcused = true
        hear { $0.abandon(id, at: $1) }
    }

    /// Whether no request is open, and the ledger has all that was decided.
    var isIdle: Bool { machine.count == 0 && entries.isEmpty && !isWriting }

    /// How many outcomes may still become known.
    var unresolved: Int { machine.unresolved.count }

    /// What is still kept of requests, where nothing should be.
    var remains: [String] {
        var remains: [String] = []
        if machine.count > 0 { remains.append("\(machine.count) requests") }
        if machine.bytes != 0 { remains.append("\(machine.bytes) bytes") }
        if !machine.inHand.isEmpty { remains.append("requests in hand") }
        if !machine.unsettled.isEmpty { remains.append("unsettled requests") }
        if !machine.strangers.isEmpty { remains.append("strangers") }
        if !machine.resolving.isEmpty { remains.append("requests that are being resolved") }
        if machine.deadlines.count > 0 { remains.append("deadlines") }
        return remains
    }

    // MARK: What it does

    private func act(on actions: [Machine.Action]) {
        for action in actions {
            switch action {
            case .dispatch(let submission, _, let dispatch): send(submission, dispatch)
            case .grant(let boot, let name):
                model.granted(name, to: boot)
                say(to: boot) { $0.carryOut($0.table.grant([name], at: $0.clock)) }
            case .cancel(let boot, let name, let mode):
                say(to: boot) { $0.carryOut($0.table.cancel([name], mode: mode, at: $0.clock)) }
            case .ask(let boot, let names):
                let origin = self.boot
                say(to: boot) { $0.answer(names, to: origin) }
            case .receipt(let boot, let id):
                // A late reply has its receipt, too, when the ledger has a note of it.
                let kept = model.ledger.requests[id]
                if case .ending = machine.requests[id]?.state, kept?.ending == nil,
                    kept?.events.contains(where: { $0.kind == .late }) != true
                {
                    model.violate("request \(id.low) had its receipt before the ledger had its end")
                }
                say(to: boot) { $0.receipt(id) }
            case .invite(let boot):
                let (origin, number) = (self.boot, number)
                say(to: boot) { $0.invited(by: origin, number: number) }
            case .dismiss(let boot): say(to: boot) { $0.dismissed() }
            case .answer(let submission, _, let ending, let events): model.answered(submission, ending, events)
            case .resolved(let submission, let ending, let events): model.resolved(submission, ending, events)
            case .record(let change, let then):
                entries.append((change, then))
                write()
            case .close(let id): machine.close(id)
            }
        }
    }

    /// Writes what has gathered: at some moment the disk has it, at a later one the process knows.
    private func write() {
        guard !isWriting, !entries.isEmpty else { return }
        isWriting = true
        let batch = entries
        entries = []
        let isSlow = model.chance(3)
        model.after(isSlow ? model.draw(50...3500) : model.draw(0...4)) { [self] in
            guard isAlive else { return }
            for violation in model.ledger.record(batch.map(\.change)) { model.violate(violation) }
            model.after(model.draw(0...4)) { [self] in
                whenAwake { dispatcher in
                    dispatcher.isWriting = false
                    dispatcher.act(on: batch.flatMap(\.actions))
                    dispatcher.write()
                }
            }
        }
    }

    private func say(to boot: BootID, _ message: @escaping (ModelConnector) -> Void) {
        model.transmit { [model] in model.connectors.first { $0.boot == boot }?.arrive(message) }
    }

    private func send(_ submission: Machine.Submission, _ dispatch: Machine.Dispatch) {
        // A dispatch may have to start long before its caller gives up.
        let until = min(submission.deadline, model.now.wall + (model.chance(30) ? .seconds(3) : RelayLimits.dispatch))
        let record = ModelConnector.Table.Dispatch(
            id: submission.id, attempt: dispatch.attempt, group: submission.group, dispatcher: Self.member,
            origin: boot, requestClass: submission.requestClass, deadline: submission.deadline, dispatchUntil: until,
            mayBeRedelivery: false, runsAlone: dispatch.runsAlone)
        let attempt = dispatch.attempt
        if model.chance(1) {
            // The broker refuses, or has it and could not say so.
            let isOverload = model.chance(50)
            model.asked[submission.id]?.isExcused = true
            hear {
                $0.sendFailed(submission.id, attempt: attempt, overloaded: isOverload, reason: "refused", at: $1)
            }
            guard !isOverload, model.chance(50) else { return }
        }
        switch dispatch.route {
        case .group:
            if !model.chance(1) { model.after(model.draw(1...15)) { [model] in model.queue.store(record, in: model) } }
        case .inbox(let boot):
            say(to: boot) { $0.admit(record, carrier: nil) }
        }
    }
}
