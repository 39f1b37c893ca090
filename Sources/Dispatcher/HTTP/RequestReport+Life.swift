internal import DispatcherProtocol
internal import RelayDelivery
internal import RelayFormat

extension RequestReport {
    /// Reports on a request's life.
    init(_ life: RequestLife, groupName: String) {
        self.init(
            requestID: "\(life.id)", group: groupName, service: life.service,
            requestClass: "\(life.progress.requestClass)", state: life.state.rawValue,
            standing: "\(life.progress.standing)", durable: life.isDurable, caller: life.caller,
            attempt: life.progress.attempt, losses: life.progress.losses, submittedAt: Timestamp(life.submittedAt),
            deadline: Timestamp(life.progress.deadline),
            resolved: life.events.isEmpty ? nil : life.events.contains { $0.kind == .resolved },
            events: life.events.map(Event.init))
        waitsFor = life.waitsFor.isEmpty ? nil : life.waitsFor
        wouldHelp = life.wouldHelp
        connector = life.progress.holder?.name
        guard let ending = life.ending else { return }
        connector = ending.connectorName ?? ending.connector?.description ?? connector
        endedAt = Timestamp(ending.at)
        switch ending.outcome {
        case .http(let content): outcome = Outcome(status: Int(content.status))
        case .failed(let failure): outcome = Outcome(code: failure.code.name, detail: failure.detail)
        }
    }
}

extension RequestReport.Event {
    init(_ event: RequestEvent) {
        self.init(
            at: Timestamp(event.at), kind: event.kind.name, attempt: event.attempt == 0 ? nil : event.attempt,
            connector: event.connector.isEmpty ? nil : event.connector,
            detail: event.detail.isEmpty ? nil : event.detail)
    }
}

extension RequestReport.Delivery {
    init(_ delivery: WebhookDelivery) {
        self.init(
            name: delivery.webhook, type: delivery.kind.name, state: delivery.state.name, attempts: delivery.attempts,
            nextAttempt: delivery.state == .pending ? Timestamp(delivery.due) : nil,
            detail: delivery.detail.isEmpty ? nil : delivery.detail)
    }
}
