public import Foundation
public import IdentityStore
internal import MachineIdentity
internal import Synchronization

/// The way to the tenant of a running machine, whose identity changes while calls are under way.
///
/// Each call has one identity from its beginning to its end. A call of the old one that comes after the tenant has seen
/// the new one is made again with the new one, so that nobody notices the change.
public final class TenantConnection: Sendable {
    /// What the tenant thinks of the identity, as the last refusal said.
    public enum Refusal: Sendable, Equatable {
        /// It is frozen until an administrator lets it in again.
        case frozen(message: String, since: Date)
        /// Its certificate has ended.
        case ended
    }

    /// One client with one identity, and how many calls it carries.
    private struct Line {
        let client: TenantHTTPClient
        let identity: LoadedIdentity
        var calls = 0
    }

    private struct State: ~Copyable {
        var epoch = 0
        var lines: [Int: Line]
        var refusal: Refusal?
        var isOver = false
    }

    private let proxies: ProxySettings
    private let systemAuthorityFile: String?
    private let state: Mutex<State>
    /// The tenant.
    public let endpoint: TenantEndpoint

    /// Makes a connection for an identity; it must be shut down.
    public init(
        identity: LoadedIdentity, proxies: ProxySettings, systemAuthorityFile: String? = nil
    ) throws(EnrollmentClientError) {
        self.proxies = proxies
        self.systemAuthorityFile = systemAuthorityFile
        let client = try TenantHTTPClient(
            identity: identity, proxies: proxies, systemAuthorityFile: systemAuthorityFile)
        endpoint = client.endpoint
        state = Mutex(State(lines: [0: Line(client: client, identity: identity)]))
    }

    /// The identity that the next call will have.
    public var identity: LoadedIdentity {
        state.withLock { state in
            guard let line = state.lines[state.epoch] else { preconditionFailure("the present line stays") }
            return line.identity
        }
    }

    /// The last refusal of the identity itself; nil after any call that was answered.
    public var refusal: Refusal? { state.withLock { $0.refusal } }

    /// From the next call on, this is the identity; calls under way end with the one that they have.
    public func adopt(_ identity: LoadedIdentity) async throws(EnrollmentClientError) {
        guard self.identity.key.fingerprint != identity.key.fingerprint else { return }
        let client = try TenantHTTPClient(
            identity: identity, proxies: proxies, systemAuthorityFile: systemAuthorityFile)
        let unused = state.withLock { state -> TenantHTTPClient? in
            guard !state.isOver else { return client }
            let old = state.epoch
            state.epoch += 1
            state.refusal = nil
            state.lines[state.epoch] = Line(client: client, identity: identity)
            return state.lines[old]?.calls == 0 ? state.lines.removeValue(forKey: old)?.client : nil
        }
        await unused?.shutdown()
    }

    /// Calls the tenant with the identity of the moment.
    public func call<Answer: Sendable>(
        _ body: (TenantHTTPClient, LoadedIdentity) async throws(EnrollmentClientError) -> Answer
    ) async throws(EnrollmentClientError) -> Answer {
        while true {
            let (epoch, client, identity) = begin()
            do {
                let answer = try await body(client, identity)
                await end(epoch, .answered)
                return answer
            } catch {
                let isPresent = await end(epoch, Lesson(error))
                guard !isPresent, error.code == .superseded else { throw error }
            }
        }
    }

    /// A client without the machine's certificate, which must be shut down.
    func anonymous(bearer: Secret? = nil) throws(EnrollmentClientError) -> TenantHTTPClient {
        try TenantHTTPClient(
            .init(
                endpoint: endpoint,
                tls: ClientTLS(trust: identity.record.serverTrust, systemAuthorityFile: systemAuthorityFile),
                proxies: proxies, bearer: bearer))
    }

    /// Closes everything, calls under way with it.
    public func shutdown() async {
        let clients = state.withLock { state in
            state.isOver = true
            return state.lines.values.map(\.client)
        }
        for client in clients { await client.shutdown() }
    }

    private func begin() -> (Int, TenantHTTPClient, LoadedIdentity) {
        state.withLock { state in
            state.lines[state.epoch]?.calls += 1
            guard let line = state.lines[state.epoch] else { preconditionFailure("the present line stays") }
            return (state.epoch, line.client, line.identity)
        }
    }

    /// What a call says of the identity.
    private enum Lesson {
        case answered
        case refused(Refusal)
        /// It was not answered, or the refusal was of the request.
        case nothing

        init(_ error: EnrollmentClientError) {
            self =
                switch error.code {
                case .frozen: .refused(.frozen(message: error.message, since: Date()))
                case .certificateEnded: .refused(.ended)
                default: .nothing
                }
        }
    }

    /// Gives the line back.
    ///
    /// - Returns: whether it is still the present one.
    @discardableResult
    private func end(_ epoch: Int, _ lesson: Lesson) async -> Bool {
        let (isPresent, done) = state.withLock { state -> (Bool, TenantHTTPClient?) in
            state.lines[epoch]?.calls -= 1
            let isPresent = epoch == state.epoch
            switch (lesson, state.refusal) {
            case _ where !isPresent: break
            case (.nothing, _): break
            case (.answered, _): state.refusal = nil
            // A freeze is as old as its first refusal.
            case (.refused(.frozen(let message, _)), .frozen(_, let since)):
                state.refusal = .frozen(message: message, since: since)
            case (.refused(let refusal), _): state.refusal = refusal
            }
            guard !isPresent, state.lines[epoch]?.calls == 0 else { return (isPresent, nil) }
            return (isPresent, state.lines.removeValue(forKey: epoch)?.client)
        }
        await done?.shutdown()
        return isPresent
    }
}
