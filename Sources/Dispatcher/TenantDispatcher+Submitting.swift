internal import BrokerCore
internal import Logging
public import RelayDelivery
public import RelayFormat
internal import Synchronization

/// Requests that the ledger keeps.
extension TenantDispatcher {
    /// Takes a request into the ledger, and sends it on its way.
    ///
    /// When it returns `accepted`, the request is on disk: it comes to an end whatever process is killed.
    public func submit(_ new: NewSubmission) async throws(SubmissionError) -> SubmissionAdmission {
        let ledger = try await readyLedger()
        let id = newRequestID()
        let now = clock.now
        let call = new.call
        let operation = call.operation.keyed(id, as: call.requestClass)
        let size = operation.encodedSizeHint
        if let objection = machine.withLock({ $0.objection(toSize: size) }) { throw .refused(objection) }
        let request = DurableRequest(
            id: id, tenant: tenant, group: call.group, groupName: new.groupName, service: call.service,
            caller: call.caller, idempotencyKey: new.idempotencyKey, fingerprint: new.fingerprint,
            operation: operation, parkUntil: new.parkUntil, submittedAt: now, webhook: new.webhook,
            progress: RequestProgress(
                standing: .waiting, requestClass: call.requestClass, attempt: 0, losses: 0, deadline: call.deadline,
                holder: nil),
            events: [RequestEvent(at: now, .submitted)])
        let admission: LedgerAdmission
        do {
            admission = try await ledger.submit(request)
        } catch {
            throw .ledger(error)
        }
        switch admission {
        case .known(let known): return .known(known)
        case .keyReused(let known): return .keyReused(known)
        case .stored: break
        }
        let pending = Pending(operation: operation, caller: call.caller, webhook: new.webhook)
        let present = present
        act(on: machine.withLock { $0.submit(Self.submission(of: request), pending, at: present) })
        return .accepted(id)
    }

    /// Whether a caller's key stands for a request here.
    func knows(_ key: String, of caller: String, service: String) async throws(SubmissionError) -> Bool {
        let ledger = try await readyLedger()
        let tenant = tenant
        return try await Self.read { () throws(LedgerError) in
            try await ledger.request(underKey: key, of: caller, service: service, tenant: tenant) != nil
        }
    }

    /// A durable request, when it has ended or the time is over; nil when there is none of that id.
    public func result(of id: RequestID, waiting: Duration) async throws(SubmissionError) -> DurableRequest? {
        let ledger = try await readyLedger()
        // Whoever waits must have begun before it looks.
        let (number, ended) = ends.begin(id)
        defer { ends.stop(id, number) }
        let found = try await Self.read { () throws(LedgerError) in try await ledger.request(id, of: tenant) }
        guard let found, found.ending == nil, waiting > .zero else { return found }
        await withTaskGroup { group in
            group.addTask { _ = await ended.take() }
            group.addTask { try? await Task.sleep(for: waiting) }
            await group.next()
            group.cancelAll()
        }
        return try await Self.read { () throws(LedgerError) in try await ledger.request(id, of: tenant) }
    }

    /// Takes an ended request up again, with its history.
    ///
    /// - Returns: false for one that is open, was answered, or of which nobody knows whether it ran.
    public func redrive(_ id: RequestID, until deadline: RelayTime) async throws(SubmissionError) -> Bool {
        let ledger = try await readyLedger()
        let found = try await Self.read { () throws(LedgerError) in try await ledger.request(id, of: tenant) }
        guard var request = found, [.deadLetter, .failed, .cancelled].contains(LedgerFilter.State(request.ending))
        else { return false }
        request.ending = nil
        request.progress = RequestProgress(
            standing: .waiting, requestClass: request.progress.requestClass, attempt: request.progress.attempt,
            losses: 0, deadline: deadline, holder: nil)
        request.parkUntil = max(request.parkUntil, deadline)
        let event = RequestEvent(at: clock.now, .redriven, attempt: request.progress.attempt)
        request.events.append(event)
        let change = LedgerChange(id: id, progress: request.progress, events: [event])
        try await Self.read { () throws(LedgerError) in try await ledger.record([change]) }
        restore(request)
        return true
    }

    /// Takes up what the ledger has of this tenant.
    func restore() async throws {
        guard let ledger else { return }
        let requests = try await ledger.unfinished(of: tenant)
        for request in requests {
            let event = RequestEvent(
                at: clock.now, .restored, attempt: request.progress.attempt, detail: "the dispatcher started again")
            var restored = request
            if request.ending == nil { restored.events.append(event) }
            restore(restored, holdOff: configuration.timing.settling)
        }
        isRestored.withLock { $0 = true }
        guard !requests.isEmpty else { return }
        logger.notice("Requests taken up from the ledger", metadata: ["requests": "\(requests.count)"])
    }

    private func restore(_ request: DurableRequest, holdOff: Duration = .zero) {
        let pending = Pending(operation: request.operation, caller: request.caller, webhook: request.webhook)
        let now = present
        machine.withLock {
            $0.restore(request, Self.submission(of: request), pending, holdOff: holdOff, at: now)
        }
    }

    private static func submission(of request: DurableRequest) -> Machine.Submission {
        Machine.Submission(
            id: request.id, group: request.group, service: request.service,
            requestClass: request.progress.requestClass, deadline: request.progress.deadline,
            parkUntil: request.parkUntil, submittedAt: request.submittedAt, isDurable: true,
            size: request.operation.encodedSizeHint)
    }

    /// The ledger, once what it had has been taken up.
    func readyLedger() async throws(SubmissionError) -> any DispatchLedger {
        guard let ledger else { throw .notReady("this dispatcher keeps no ledger") }
        for _ in 0..<300 where !isRestored.withLock({ $0 }) {
            try? await Task.sleep(for: .milliseconds(10))
        }
        guard isRestored.withLock({ $0 }) else { throw .notReady("the dispatcher is reading its ledger") }
        return ledger
    }

    static func read<Value>(
        _ body: () async throws(LedgerError) -> Value
    ) async throws(SubmissionError) -> Value {
        do {
            return try await body()
        } catch {
            throw .ledger(error)
        }
    }
}
