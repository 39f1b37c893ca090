import RelayDelivery
import RelayFormat

/// The dispatcher of the model.
extension RelayModel {
    func whenDispatcherWakes(_ work: @escaping () -> Void) {
        guard time < dispatcherSleepsUntil else { return work() }
        after(dispatcherSleepsUntil - time) { self.whenDispatcherWakes(work) }
    }

    func tickDispatcher() {
        whenDispatcherWakes { [self] in
            act(on: machine.tick(at: now))
            after(100) { self.tickDispatcher() }
        }
    }

    func beatDispatcher() {
        whenDispatcherWakes { [self] in
            after(draw(1...15)) { self.whenDispatcherWakes { self.act(on: self.machine.ownBeat(at: self.now)) } }
            after(1000) { self.beatDispatcher() }
        }
    }

    /// A connector says something to the dispatcher.
    func tell(_ event: @escaping (inout DispatchMachine<Int>, Moment) -> [DispatchMachine<Int>.Action]) {
        transmit { self.hear(event) }
    }

    func hear(_ event: @escaping (inout DispatchMachine<Int>, Moment) -> [DispatchMachine<Int>.Action]) {
        whenDispatcherWakes { [self] in act(on: event(&machine, now)) }
    }

    func act(on actions: [DispatchMachine<Int>.Action]) {
        for action in actions {
            switch action {
            case .dispatch(let submission, _, let attempt, let route):
                dispatch(submission, attempt: attempt, route: route)
            case .answer(let submission, _, let answer):
                asked[submission.id]?.answers.append((answer.outcome, now.wall))
                lastAnswer = time
            case .invite:
                break
            }
        }
    }

    private func dispatch(
        _ submission: DispatchMachine<Int>.Submission, attempt: UInt32, route: DispatchMachine<Int>.Route
    ) {
        // A dispatch may have to start long before its caller gives up.
        let until = chance(30) ? min(submission.deadline, now.wall + .seconds(3)) : submission.deadline
        let dispatch = ModelConnector.Table.Dispatch(
            id: submission.id, attempt: attempt, group: submission.group, origin: origin,
            requestClass: submission.requestClass, deadline: submission.deadline, dispatchUntil: until,
            mayBeRedelivery: false)
        if chance(1) {
            // The broker refuses, or has it and could not say so.
            let isOverload = chance(50)
            asked[submission.id]?.isExcused = true
            hear { machine, _ in
                machine.sendFailed(submission.id, attempt: attempt, overloaded: isOverload, reason: "refused")
            }
            guard !isOverload, chance(50) else { return }
        }
        switch route {
        case .group:
            // Its durability is the dispatcher's own, so the queue may lose it; it never stores it twice.
            if !chance(1) { after(draw(1...15)) { self.queue.store(dispatch, in: self) } }
        case .inbox(let boot):
            transmit { [self] in
                connectors.first { $0.boot == boot }?.arrive { $0.admit(dispatch, carrier: nil) }
            }
        }
    }
}
