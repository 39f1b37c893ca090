import RelayDelivery
import RelayFormat

/// What a connector's table decides, carried out.
extension ModelConnector {
    func carryOut(_ steps: [Table.Step]) {
        for step in steps {
            switch step {
            case .run(let dispatch): run(dispatch)
            case .accept(let dispatch): accept(dispatch)
            case .write(let dispatch):
                accept(dispatch)
                begin(dispatch, .started)
            case .claim(let dispatch, let isWritten):
                let claim = ClaimMessage.Claim(dispatch.name, as: dispatch.requestClass)
                let header = header(.claim)
                say(to: address(of: dispatch)) { $0.claimed(claim, by: header, at: $1) }
                if !isWritten { begin(dispatch, .claimed) }
            case .lookUp(let dispatch): lookUp(dispatch.id)
            case .wait: break
            case .deny(let dispatch, let failure): finish(dispatch.id, .failed(failure))
            case .respond(let reply): respond(reply.dispatch, reply.outcome)
            case .giveBack(let dispatch, let reason, let carriers):
                let boot = boot
                promise(never: dispatch.name)
                say(to: address(of: dispatch)) { $0.returned(dispatch.name, by: boot, reason: reason, at: $1) }
                settle(carriers)
            case .interrupted(let dispatch, let carriers):
                let header = header(.known)
                let entry = KnownMessage.Entry(dispatch.name, .interrupted)
                say(to: address(of: dispatch)) { $0.known(entry, by: header, at: $1) }
                settle(carriers)
            case .settle(_, let carriers): settle(carriers)
            case .withdraw(let name): note([.withdrawn(name.request, attempt: name.attempt)])
            case .stop(let id): stop(id)
            }
        }
        announce()
    }

    private func announce() {
        guard table.hasUnannounced else { return }
        model.after(model.draw(0...10)) { [self] in
            whenAwake { connector in
                for dispatch in connector.table.takeUnannounced() { connector.accept(dispatch) }
                connector.announce()
            }
        }
    }

    // MARK: Saying

    private func address(of dispatch: Table.Dispatch) -> BootID {
        dispatchers.boot(of: dispatch.dispatcher) ?? dispatch.origin
    }

    private func say(
        to boot: BootID,
        _ event: @escaping (inout ModelDispatcher.Machine, Moment) -> [ModelDispatcher.Machine.Action]
    ) {
        guard isLinked else { return }
        model.transmit { [model] in
            guard let dispatcher = model.dispatcher, dispatcher.boot == boot else { return }
            dispatcher.hear(event)
        }
    }

    private func accept(_ dispatch: Table.Dispatch) {
        let header = header(.accepted)
        say(to: address(of: dispatch)) { $0.accepted(dispatch.name, by: header, at: $1) }
    }

    private func respond(
        _ dispatch: Table.Dispatch, _ outcome: ResponseMessage.Outcome
    ) {
        let header = header(.response)
        say(to: address(of: dispatch)) { $0.responded(dispatch.name, by: header, outcome: outcome, at: $1) }
    }

    /// Answers ASK; what the table does not know is looked up in the journal first.
    func answer(_ names: [DispatchName], to origin: BootID) {
        let (known, replies) = table.ask(names)
        let isComplete = journal == nil || !known.contains(nil)
        model.after(isComplete ? 0 : model.draw(1...20)) { [self] in
            whenAwake { $0.say(names, known, replies, to: origin) }
        }
    }

    private func say(
        _ names: [DispatchName], _ known: [KnownMessage.Knowledge?], _ replies: [Table.Reply], to origin: BootID
    ) {
        for reply in replies { respond(reply.dispatch, reply.outcome) }
        let header = header(.known)
        for (name, knowledge) in zip(names, known) {
            let knowledge = knowledge ?? recall(name, for: origin)
            if knowledge == .notKnown { promise(never: name) }
            let entry = KnownMessage.Entry(name, knowledge)
            say(to: origin) { $0.known(entry, by: header, at: $1) }
        }
    }

    private func recall(_ name: DispatchName, for origin: BootID) -> KnownMessage.Knowledge {
        switch journal?.find(name.request)?.state {
        case .finished(let outcome):
            let outcome = outcome ?? .failed(RequestFailure(.outcomeUnknown, "no longer kept"))
            let header = header(.response)
            say(to: origin) { $0.responded(name, by: header, outcome: outcome, at: $1) }
            return .finished
        case .interrupted: return .interrupted
        case nil, .claimed, .started: return table.deny(name, at: clock)
        }
    }

    // MARK: The journal

    private func begin(_ dispatch: Table.Dispatch, _ state: JournalRecord.State) {
        guard let journal else { return }
        let record = JournalRecord(
            id: dispatch.id, attempt: dispatch.attempt, requestClass: dispatch.requestClass, tenant: .none,
            group: dispatch.group, dispatcher: dispatch.dispatcher, deadline: dispatch.deadline, state: state)
        let isTaken = !model.chance(1)
        model.after(model.chance(3) ? model.draw(20...2500) : model.draw(0...8)) { [self] in
            // The disk has it at one moment, and the process knows it at a later one.
            guard isAlive else { return }
            if isTaken { journal.apply([.begun(record)]) }
            model.after(model.draw(0...5)) { [self] in
                whenAwake { connector in
                    connector.carryOut(
                        isTaken
                            ? connector.table.written([dispatch.id], at: connector.clock)
                            : connector.table.notWritten([dispatch.id], at: connector.clock))
                }
            }
        }
    }

    private func lookUp(_ id: RequestID) {
        let isFound = !model.chance(1)
        model.after(model.draw(0...10)) { [self] in
            whenAwake { connector in
                connector.carryOut(
                    isFound
                        ? connector.table.resolve(id, connector.journal?.find(id), at: connector.clock)
                        : connector.table.notWritten([id], at: connector.clock))
            }
        }
    }

    func note(_ changes: [JournalChange]) {
        guard let journal, !changes.isEmpty else { return }
        model.after(model.draw(0...8)) { [self] in if isAlive { journal.apply(changes) } }
    }

    // MARK: Handlers

    private func run(_ dispatch: Table.Dispatch) {
        handlers[dispatch.id] = Handler()
        if clock >= dispatch.dispatchUntil { model.violate("request \(dispatch.id.low) was started late") }
        if !offersWeb { model.violate("request \(dispatch.id.low) was started where it is not offered") }
        model.after(model.draw(0...3)) { [self] in whenAwake { $0.reach(dispatch) } }
    }

    /// The service is about to be asked.
    private func reach(_ dispatch: Table.Dispatch) {
        guard handlers[dispatch.id]?.isCancelled == false else {
            return conclude(dispatch, .failed(RequestFailure(.cancelled, "before the service was asked")))
        }
        guard clock < dispatch.deadline else {
            return conclude(dispatch, .failed(RequestFailure(.deadlineExceeded, "before the service was asked")))
        }
        model.executed(dispatch, by: self)
        let kind = model.draw(0...99)
        let duration = kind < 70 ? model.draw(1...200) : kind < 95 ? model.draw(200...2000) : model.draw(2000...6000)
        let answer = HTTPResponseContent(status: 200, headers: [], body: Array("\(dispatch.id.low)".utf8)[...])
        let outcome: ResponseMessage.Outcome =
            model.chance(3) ? .failed(RequestFailure(.targetFailed, "it broke off")) : .http(answer)
        model.after(duration) { [self] in whenAwake { $0.conclude(dispatch, outcome) } }
    }

    private func stop(_ id: RequestID) {
        guard let handler = handlers[id], !handler.isCancelled else { return }
        handlers[id]?.isCancelled = true
    }

    /// The handler is done; where there is a journal, the outcome is written down before anyone hears it.
    private func conclude(_ dispatch: Table.Dispatch, _ outcome: ResponseMessage.Outcome) {
        guard let handler = handlers.removeValue(forKey: dispatch.id) else { return }
        let isTornDown = handler.isCancelled && dispatch.id.low % 2 == 0
        let outcome = isTornDown ? .failed(RequestFailure(.targetFailed, "torn down")) : outcome
        let ending = table.ending(of: dispatch.id, outcome)
        guard let journal, dispatch.requestClass != .safe else { return finish(dispatch.id, ending) }
        model.after(model.draw(0...6)) { [self] in
            guard isAlive else { return }
            journal.apply([.finished(dispatch.id, ending)])
            if case .failed(let failure) = ending, failure.code == .cancelled {
            } else {
                model.finished(dispatch, by: self)
            }
            model.after(model.draw(0...4)) { [self] in whenAwake { $0.finish(dispatch.id, ending) } }
        }
    }

    private func finish(_ id: RequestID, _ outcome: ResponseMessage.Outcome) {
        let (reply, steps) = table.finish(id, outcome, at: clock)
        if let reply { respond(reply.dispatch, reply.outcome) }
        carryOut(steps)
    }
}
