internal import AsyncHTTPClient
public import BrokerCore
public import Logging
public import RelayDelivery
internal import RelayFormat
public import ServiceLifecycle

/// Tells webhooks how requests ended, from the ledger, until each has taken the news or is given up.
///
/// A delivery is made at least once: its id stays the same over all attempts, and a receiver that meets it again knows it.
public final class WebhookSender: Service {
    private let ledger: any WebhookLedger
    private let directory: any WebhookDirectory
    private let configuration: WebhookConfiguration
    private let clock: RelayClock
    private let logger: Logger

    /// Makes a sender that has not begun.
    public init(
        ledger: any WebhookLedger, directory: any WebhookDirectory, configuration: WebhookConfiguration,
        clock: RelayClock = .system, logger: Logger
    ) {
        self.ledger = ledger
        self.directory = directory
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
    }

    /// Delivers until it is told to shut down; what is under way then is repeated after the next start.
    public func run() async throws {
        let attempts = WebhookAttempt(configuration)
        await cancelWhenGracefulShutdown { await self.deliver(with: attempts) }
        await attempts.close()
    }

    private func deliver(with attempts: WebhookAttempt) async {
        await withTaskGroup(of: MessageID?.self) { group in
            var underWay: Set<MessageID> = []
            func rest() {
                let interval = configuration.interval
                group.addTask {
                    try? await Task.sleep(for: interval)
                    return nil
                }
            }
            rest()
            while let ended = await group.next(), !Task.isCancelled {
                if let ended { underWay.remove(ended) } else { rest() }
                guard underWay.count < configuration.concurrency else { continue }
                for delivery in await due() where !underWay.contains(delivery.id) {
                    guard underWay.count < configuration.concurrency else { break }
                    underWay.insert(delivery.id)
                    group.addTask {
                        await self.attempt(delivery, with: attempts)
                        return delivery.id
                    }
                }
            }
            group.cancelAll()
        }
    }

    private func due() async -> [WebhookDelivery] {
        do throws(LedgerError) {
            return try await ledger.dueDeliveries(
                at: clock.now, perWebhook: configuration.perWebhook, limit: 2 * configuration.concurrency)
        } catch {
            logger.warning("Deliveries cannot be read", metadata: ["reason": "\(error)"])
            return []
        }
    }

    private func attempt(_ delivery: WebhookDelivery, with attempts: WebhookAttempt) async {
        let outcome: WebhookAttempt.Outcome
        do {
            // A request that was taken up again has no news to tell; its delivery is gone as well.
            guard let request = try await ledger.request(delivery.request, of: delivery.tenant),
                let ending = request.ending
            else { return }
            if let endpoint = try await directory.endpoint(named: delivery.webhook, of: delivery.tenant) {
                outcome = await attempts.post(
                    delivery, body: try WebhookAttempt.body(delivery, request, ending), to: endpoint, at: clock.now)
            } else {
                outcome = .refused("there is no webhook of this name any more")
            }
        } catch {
            outcome = .failed("\(error)")
        }
        guard !Task.isCancelled else { return }
        await note(outcome, of: delivery)
    }

    private func note(_ outcome: WebhookAttempt.Outcome, of delivery: WebhookDelivery) async {
        var delivery = delivery
        delivery.attempts += 1
        switch outcome {
        case .taken(let detail):
            delivery.state = .delivered
            delivery.detail = detail
        case .refused(let detail):
            delivery.state = .givenUp
            delivery.detail = detail
        case .failed(let detail):
            delivery.detail = detail
            let failures = Int(delivery.attempts)
            if failures <= configuration.retries.count {
                delivery.due = clock.now + configuration.retries[failures - 1]
            } else {
                delivery.state = .givenUp
            }
        }
        log(delivery)
        do throws(LedgerError) {
            try await ledger.note(delivery)
        } catch {
            logger.warning("Delivery cannot be noted and is repeated", metadata: ["reason": "\(error)"])
        }
    }

    private func log(_ delivery: WebhookDelivery) {
        let metadata: Logger.Metadata = [
            "request": "\(delivery.request)", "webhook": "\(delivery.webhook)", "delivery": "\(delivery.id)",
            "type": "\(delivery.kind.name)", "attempt": "\(delivery.attempts)", "detail": "\(delivery.detail)",
        ]
        switch delivery.state {
        case .delivered: logger.debug("Webhook told", metadata: metadata)
        case .pending: logger.info("Webhook not reached, tried again later", metadata: metadata)
        case .givenUp: logger.error("Webhook given up", metadata: metadata)
        }
    }
}
