public import BrokerCore
public import Logging
public import NIOCore
public import NIOHTTP1
public import RelayFormat
internal import Synchronization

/// The broker's end of its links: lets clients in, holds them to what they may do, and ends links at once when told to.
public final class LinkServer: Sendable {
    /// Decides who a client is: by its credential, and the nonce that the proof has to be over.
    ///
    /// It throws a `LinkError` with the refusal that the client is to see; any other error is `unauthenticated`.
    public typealias Authenticate =
        @Sendable (_ credential: LinkCredential, _ nonce: [UInt8]) async throws -> LinkPrincipal

    private struct State: ~Copyable {
        var sessions: [ObjectIdentifier: LinkSession] = [:]
        /// Counts the closings, so that an authentication that was under way meanwhile is repeated.
        var closings = 0
        var counters = LinkCounters()
    }

    let broker: any Broker
    let clock: RelayClock
    let configuration: Configuration
    let authenticate: Authenticate
    let logger: Logger
    let isAuthorizationEnforced: Bool

    private let state = Mutex(State())
    private let arrivals = Mailbox<LinkSession>()

    /// Makes a server before a broker; links are served while `run` runs.
    public convenience init(
        broker: any Broker, configuration: Configuration = Configuration(), clock: RelayClock = .system,
        logger: Logger, authenticate: @escaping Authenticate
    ) {
        self.init(
            broker: broker, configuration: configuration, clock: clock, isAuthorizationEnforced: true, logger: logger,
            authenticate: authenticate)
    }

    init(
        broker: any Broker, configuration: Configuration, clock: RelayClock, isAuthorizationEnforced: Bool,
        logger: Logger, authenticate: @escaping Authenticate
    ) {
        self.broker = broker
        self.configuration = configuration
        self.clock = clock
        self.isAuthorizationEnforced = isAuthorizationEnforced
        self.logger = logger
        self.authenticate = authenticate
    }

    /// What was counted so far.
    public var counters: LinkCounters { state.withLock { $0.counters } }

    /// Who has a link now.
    public var principals: [LinkPrincipal] { sessions.compactMap(\.principal) }

    /// Takes over a channel behind its WebSocket codec; call it on the channel's event loop.
    public func accept(_ channel: any Channel, _ head: HTTPRequestHead) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let session = LinkSession(server: self, channel: channel)
            let isRoom = state.withLock { state in
                guard state.sessions.count < configuration.maximumLinks else { return false }
                state.sessions[ObjectIdentifier(session)] = session
                return true
            }
            _ = channel.setOption(LinkTransport.unsentLimit, value: LinkTransport.unsentBytes)
            try LinkFrameEncoder.add(to: channel)
            try channel.pipeline.syncOperations.addHandler(session.makeSocket())
            guard isRoom else { return session.end(LinkError(.refused(.overloaded), "too many links")) }
            session.begin()
            arrivals.put(CollectionOfOne(session))
        }
    }

    /// Serves all links until the task is cancelled; then ends them.
    public func run() async {
        await withDiscardingTaskGroup { group in
            while let sessions = await arrivals.take() {
                for session in sessions {
                    group.addTask {
                        await session.run()
                        self.forget(session)
                    }
                }
            }
            for session in sessions { session.end(LinkError(.refused(.shuttingDown), "the broker is shutting down")) }
        }
    }

    /// Ends the links of a member at once; nothing that it sent and that was not taken yet is taken any more.
    public func closeLinks(ofMember member: MemberID, because refusal: LinkRefusal = .revoked) {
        closeLinks(because: refusal) { $0.member == member }
    }

    /// Ends all links whose principal meets the condition at once.
    public func closeLinks(because refusal: LinkRefusal, where condition: (LinkPrincipal) -> Bool) {
        let sessions = state.withLock { state in
            state.closings += 1
            return Array(state.sessions.values)
        }
        let reason =
            switch refusal {
            case .revoked: "the tenant has revoked this connector"
            case .frozen: "the tenant has frozen this connector"
            default: "the tenant ended the link"
            }
        for session in sessions {
            guard let principal = session.principal, condition(principal) else { continue }
            session.end(LinkError(.refused(refusal), reason))
        }
    }

    private var sessions: [LinkSession] { state.withLock { Array($0.sessions.values) } }

    private func forget(_ session: LinkSession) {
        state.withLock { _ = $0.sessions.removeValue(forKey: ObjectIdentifier(session)) }
    }

    /// Asks who the client is, and asks again when links were closed meanwhile: the answer may be outdated.
    func identify(_ credential: LinkCredential, nonce: [UInt8], admit: (LinkPrincipal) -> Void) async throws(LinkError)
    {
        while true {
            let closings = state.withLock { $0.closings }
            let principal: LinkPrincipal
            do {
                principal = try await authenticate(credential, nonce)
            } catch let error as LinkError {
                throw error
            } catch {
                logger.debug("Link credential refused", metadata: ["error": "\(error)"])
                throw LinkError(.refused(.unauthenticated), "the credential is not valid")
            }
            let isCurrent = state.withLock { state in
                guard state.closings == closings else { return false }
                admit(principal)
                return true
            }
            if isCurrent { return }
        }
    }

    /// Ends what the same boot had open before: its other end is gone, or will notice.
    func supersede(by session: LinkSession) {
        guard let principal = session.principal else { return }
        for other in sessions where other !== session {
            guard let old = other.principal, old.tenant == principal.tenant, old.boot == principal.boot,
                old.member == principal.member
            else { continue }
            other.end(LinkError(.refused(.superseded), "the same boot has opened a newer link"))
        }
    }

    func count(_ change: (inout LinkCounters) -> Void) {
        state.withLock { change(&$0.counters) }
    }
}
