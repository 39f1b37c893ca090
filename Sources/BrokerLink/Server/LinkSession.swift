internal import BrokerCore
internal import Logging
internal import NIOCore
internal import NIOWebSocket
internal import RelayFormat
internal import Synchronization

/// One link at the server: who it is, and the two streams of work that it brings, sends and the rest.
///
/// The first frame has to authenticate. Sends are worked on in their order, all that wait at once; the rest beside them,
/// so that completions never wait for a disk. When the link ends nothing more of it is worked on.
final class LinkSession: Sendable {
    struct Sending {
        var batch: UInt32
        var records: [OutgoingRecord]
        var cost: Int
    }

    enum Order {
        case message(ClientMessage)
        /// The broker ended what was open under the number.
        case ended(UInt32)
    }

    private struct State: ~Copyable {
        var principal: LinkPrincipal?
        var nonce: [UInt8]
        var deadline: Scheduled<Void>?
        var isEnded = false
    }

    let server: LinkServer
    let outbox: LinkOutbox<ServerMessage>
    let valve: LinkValve
    let orders = Mailbox<Order>()
    private let sendings = Mailbox<Sending>()
    private let channel: any Channel
    private let state: Mutex<State>

    init(server: LinkServer, channel: any Channel) {
        self.server = server
        self.channel = channel
        outbox = LinkOutbox(channel: channel, isMasking: false)
        valve = LinkValve(channel: channel, limit: server.configuration.heldBytes)
        state = Mutex(State(nonce: Self.freshNonce()))
    }

    var principal: LinkPrincipal? { state.withLock { $0.isEnded ? nil : $0.principal } }

    var authorization: LinkAuthorization? {
        principal.map { LinkAuthorization(principal: $0, isEnforced: server.isAuthorizationEnforced) }
    }

    func makeSocket() -> LinkSocket<ClientMessage> {
        LinkSocket(
            isServer: true, timing: server.configuration.timing, valve: valve,
            onMessages: { [self] in take($0) }, onEnd: { [self] in end($0) })
    }

    /// Challenges the client, which has to answer in time.
    func begin() {
        outbox.put(.challenge(nonce: state.withLock { $0.nonce }))
        arm(
            after: server.configuration.authenticationTimeout,
            LinkError(.refused(.unauthenticated), "no credential came in time"))
    }

    /// Works until the link ends.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.relaySendings() }
            var openings = LinkOpenings(session: self)
            while let orders = await orders.take() {
                await openings.carryOut(orders, in: &group)
                await outbox.room()
            }
            // A cancelled server has not ended the link yet.
            end(LinkError(.refused(.shuttingDown), "the broker is shutting down"))
            await openings.closeAll()
            group.cancelAll()
        }
    }

    /// Ends the link, at once for all that it may do; the client is told why as far as it still listens.
    func end(_ error: LinkError) {
        let ended = state.withLock { state -> (LinkPrincipal?, Scheduled<Void>?)? in
            guard !state.isEnded else { return nil }
            state.isEnded = true
            return (state.principal, state.deadline)
        }
        guard let (principal, deadline) = ended else { return }
        deadline?.cancel()
        sendings.close()
        orders.close()
        // Counted before the client can know.
        if error.code == .malformed { server.count { $0.malformed += 1 } }
        if principal == nil { server.count { $0.unauthenticated += 1 } }
        switch error.code {
        case .refused(let refusal): outbox.finish(with: .refused(refusal, error.message), code: .policyViolation)
        case .malformed: outbox.finish(with: .refused(.malformed, error.message), code: .protocolError)
        default: outbox.finish()
        }
        server.logger.debug(
            "Link ended",
            metadata: [
                "reason": "\(error)", "tenant": "\(principal?.tenant.description ?? "-")",
                "member": "\(principal?.member.description ?? "-")", "boot": "\(principal?.boot.description ?? "-")",
            ])
    }

    /// Takes what the client said; on the event loop.
    private func take(_ messages: [ClientMessage]) {
        let isKnown = principal != nil
        for message in messages {
            valve.hold(message.cost)
            switch message {
            case .send(let batch, let records) where isKnown:
                sendings.put(CollectionOfOne(Sending(batch: batch, records: records, cost: message.cost)))
            case .authenticate: orders.put(CollectionOfOne(.message(message)))
            case _ where isKnown: orders.put(CollectionOfOne(.message(message)))
            default: return end(LinkError(.malformed, "the first message has to authenticate"))
            }
        }
    }

    private func relaySendings() async {
        let limit = server.broker.capabilities.largestPayload
        while let waiting = await sendings.take() {
            await outbox.room()
            // Asked for again for each batch: a link that has ended sends nothing more.
            guard let authorization else { return }
            var permitted: [OutgoingRecord] = []
            var verdicts: [SendOutcome?] = []
            for record in waiting.lazy.flatMap(\.records) {
                if let objection = authorization.objection(to: record) {
                    verdicts.append(.failed(BrokerError(.denied, objection)))
                } else if record.payload.count > limit {
                    verdicts.append(.failed(BrokerError(.tooLarge, "the record has more than \(limit) bytes")))
                } else {
                    verdicts.append(nil)
                    permitted.append(record)
                }
            }
            let denied = verdicts.count { $0 == .failed(BrokerError(.denied, "")) }
            if denied > 0 { noteDenied(denied, verdicts) }
            var outcomes = (permitted.isEmpty ? [] : await server.broker.send(permitted))[...]
            var rest = verdicts[...]
            for sending in waiting {
                let batch = rest.prefix(sending.records.count).map { verdict in
                    verdict ?? outcomes.popFirst() ?? .failed(BrokerError(.unknown, "the broker said nothing"))
                }
                rest = rest.dropFirst(sending.records.count)
                outbox.put(.sent(batch: sending.batch, outcomes: batch))
                valve.release(sending.cost)
            }
        }
    }

    private func noteDenied(_ count: Int, _ verdicts: [SendOutcome?]) {
        server.count { $0.deniedRecords += count }
        guard case .failed(let error)?? = verdicts.first(where: { $0 != nil }), let principal else { return }
        server.logger.warning(
            "Records refused",
            metadata: [
                "tenant": "\(principal.tenant)", "member": "\(principal.member)", "count": "\(count)",
                "reason": "\(error.message)",
            ])
    }

    /// Lets the client in, or keeps it in with a fresh credential.
    func authenticate(_ credential: LinkCredential) async {
        let nonce = Self.freshNonce()
        let (challenge, previous) = state.withLock { ($0.nonce, $0.principal) }
        do throws(LinkError) {
            var admitted: LinkPrincipal?
            try await server.identify(credential, nonce: challenge) { principal in
                admitted = principal
                let mayStay = previous.map { $0.isSameLink(as: principal) } ?? true
                guard mayStay, principal.expiresAt > server.clock.now else { return }
                state.withLock { state in
                    state.principal = principal
                    state.nonce = nonce
                }
            }
            guard let principal = admitted else { return }
            guard previous?.isSameLink(as: principal) ?? true else {
                throw LinkError(.refused(.unauthenticated), "the credential is not that of the link")
            }
            let life = principal.expiresAt - server.clock.now
            guard life > .zero else { throw LinkError(.refused(.expired), "the credential has ended") }
            arm(after: life, LinkError(.refused(.expired), "the credential ended and was not refreshed"))
            if previous == nil {
                server.count { $0.authenticated += 1 }
                server.supersede(by: self)
            }
            outbox.put(
                .authenticated(
                    LinkGrant(
                        tenant: principal.tenant, member: principal.member, boot: principal.boot, life: life,
                        nonce: nonce, capabilities: server.broker.capabilities)))
        } catch {
            end(error)
        }
    }

    /// Ends the link after a while unless it is armed anew.
    private func arm(after delay: Duration, _ error: LinkError) {
        let deadline = channel.eventLoop.scheduleTask(in: TimeAmount(min(delay, .seconds(7 * 86_400)))) { [self] in
            end(error)
        }
        let previous = state.withLock { state -> Scheduled<Void>? in
            guard !state.isEnded else { return deadline }
            defer { state.deadline = deadline }
            return state.deadline
        }
        previous?.cancel()
    }

    private static func freshNonce() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}

extension LinkPrincipal {
    /// Whether a credential of the other may refresh a link of this one.
    func isSameLink(as other: LinkPrincipal) -> Bool {
        tenant == other.tenant && member == other.member && boot == other.boot && role == other.role
    }
}
