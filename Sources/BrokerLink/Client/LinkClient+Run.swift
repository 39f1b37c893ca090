internal import BrokerCore
internal import Logging
internal import NIOCore
internal import RelayFormat

extension LinkClient {
    /// Makes the link and keeps it until `close`, or until the task is cancelled.
    ///
    /// - Throws: the refusal that connecting again cannot mend.
    public func run() async throws(LinkError) {
        var backoff = ReconnectBackoff()
        var generator = SystemRandomNumberGenerator()
        var downSince = clock.now
        while !isOver, !Task.isCancelled {
            let connection = connect()
            let (error, life) = await attend(to: connection, downSince: downSince, attempts: backoff.attempts)
            cut()
            if Task.isCancelled || isOver { break }
            guard !error.isFatal else {
                finish(BrokerError(.denied, error.message))
                change(to: .stopped(error))
                logger.error("Link refused for good", metadata: ["reason": "\(error)"])
                throw error
            }
            if let life {
                downSince = clock.now
                // A link that is cut as soon as it is made is no success.
                if life >= .seconds(1) { backoff.reset() }
            }
            let delay =
                error.code == .refused(.frozen)
                ? backoff.nextWhileFrozen(using: &generator)
                : backoff.next(outage: clock.now - downSince, using: &generator)
            change(to: .disconnected(reason: error, since: downSince, attempts: backoff.attempts))
            logger.log(
                level: backoff.attempts == 1 ? .warning : .debug, "Link down",
                metadata: [
                    "reason": "\(error)", "attempts": "\(backoff.attempts)", "retry_ms": "\(delay.inMilliseconds)",
                ])
            await pause(for: delay)
        }
        finish(BrokerError(.closed, "the link was closed"))
        change(to: .stopped(LinkError(.closed, "this end closed the link")))
    }

    private func connect() -> LinkConnection {
        let connection = LinkConnection(configuration: configuration, context: context) { [self] connection, messages in
            for message in messages { take(message, over: connection) }
        }
        adopt(connection)
        connection.start(on: loop)
        return connection
    }

    /// Authenticates and refreshes until the connection ends; says why it did, and how long it lived once let in.
    private func attend(
        to connection: LinkConnection, downSince: RelayTime, attempts: Int
    ) async -> (LinkError, life: Duration?) {
        let overdue = loop.scheduleTask(in: TimeAmount(configuration.connectTimeout)) {
            connection.events.put(CollectionOfOne(.overdue))
        }
        var refresh: Scheduled<Void>?
        var nonce: [UInt8] = []
        var grantedAt: ContinuousClock.Instant?
        var credentialEnds = ContinuousClock.now
        await withDiscardingTaskGroup { group in
            while let events = await connection.events.take() {
                for event in events {
                    switch event {
                    case .challenge(let challenge):
                        nonce = challenge
                        group.addTask { await self.fetchCredential(for: connection, nonce: challenge) }
                    case .refreshDue:
                        group.addTask { [nonce] in await self.fetchCredential(for: connection, nonce: nonce) }
                    case .credential(let credential):
                        connection.outbox?.put(.authenticate(token: credential.token, proof: credential.proof))
                    case .credentialFailed(let error):
                        guard grantedAt != nil, !error.isFatal else {
                            connection.end(error)
                            continue
                        }
                        let left = credentialEnds - .now
                        refresh = wake(connection, after: max(.seconds(1), left / 4))
                    case .granted(let grant):
                        nonce = grant.nonce
                        credentialEnds = .now + grant.life
                        refresh?.cancel()
                        refresh = wake(connection, after: max(.milliseconds(100), grant.life / 2))
                        guard grantedAt == nil, let outbox = connection.outbox else { continue }
                        grantedAt = .now
                        overdue.cancel()
                        logger.info(
                            "Link up",
                            metadata: [
                                "down_ms": "\((clock.now - downSince).inMilliseconds)", "attempts": "\(attempts)",
                            ])
                        if restore(over: outbox, grant) { becameReady() }
                    case .overdue:
                        if grantedAt == nil {
                            connection.end(
                                LinkError(.unreachable, "not let in within \(configuration.connectTimeout)"))
                        }
                    }
                }
            }
            overdue.cancel()
            refresh?.cancel()
            connection.end(LinkError(.closed, "this end closed the link"))
            group.cancelAll()
        }
        let error = connection.ending ?? LinkError(.lost, "the connection closed")
        return (error, grantedAt.map { .now - $0 })
    }

    private func fetchCredential(for connection: LinkConnection, nonce: [UInt8]) async {
        do {
            let credential = try await credential(nonce)
            connection.events.put(CollectionOfOne(.credential(credential)))
        } catch let error as LinkError {
            connection.events.put(CollectionOfOne(.credentialFailed(error)))
        } catch {
            connection.events.put(CollectionOfOne(.credentialFailed(LinkError(.credential, "\(error)"))))
        }
    }

    private func wake(_ connection: LinkConnection, after delay: Duration) -> Scheduled<Void> {
        loop.scheduleTask(in: TimeAmount(delay)) { connection.events.put(CollectionOfOne(.refreshDue)) }
    }

    private func pause(for delay: Duration) async {
        let alarm = loop.scheduleTask(in: TimeAmount(delay)) { self.nudge() }
        _ = await wakeups.take()
        alarm.cancel()
    }
}
