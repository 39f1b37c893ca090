public import IdentityStore
internal import MachineIdentity
internal import Synchronization

/// The way to the tenant of a running machine, whose identity changes while calls are under way.
///
/// Each call has one identity from its beginning to its end. A call of the old one that comes after the tenant has seen
/// the new one is made again with the new one, so that nobody notices the change.
public final class TenantConnection: Sendable {
    /// One client with one identity, and how many calls it carries.
    private struct Line {
        let client: TenantHTTPClient
        let identity: LoadedIdentity
        var calls = 0
    }

    private struct State: ~Copyable {
        var epoch = 0
        var lines: [Int: Line]
        var hasEnded = false
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

    /// Whether the tenant said lately that the certificate has ended.
    public var hasEnded: Bool { state.withLock { $0.hasEnded } }

    /// From the next call on, this is the identity; calls under way end with the one that they have.
    public func adopt(_ identity: LoadedIdentity) async throws(EnrollmentClientError) {
        guard self.identity.key.fingerprint != identity.key.fingerprint else { return }
        let client = try TenantHTTPClient(
            identity: identity, proxies: proxies, systemAuthorityFile: systemAuthorityFile)
        let unused = state.withLock { state -> TenantHTTPClient? in
            guard !state.isOver else { return client }
            let old = state.epoch
            state.epoch += 1
            state.hasEnded = false
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
                await end(epoch, hasEnded: false)
                return answer
            } catch {
                let isPresent = await end(epoch, hasEnded: error.code == .certificateEnded ? true : nil)
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

    /// Gives the line back.
    ///
    /// - Parameter hasEnded: what was learned of the certificate; nil when nothing was.
    /// - Returns: whether it is still the present one.
    @discardableResult
    private func end(_ epoch: Int, hasEnded: Bool?) async -> Bool {
        let (isPresent, done) = state.withLock { state -> (Bool, TenantHTTPClient?) in
            state.lines[epoch]?.calls -= 1
            let isPresent = epoch == state.epoch
            if isPresent, let hasEnded { state.hasEnded = hasEnded }
            guard !isPresent, state.lines[epoch]?.calls == 0 else { return (isPresent, nil) }
            return (isPresent, state.lines.removeValue(forKey: epoch)?.client)
        }
        await done?.shutdown()
        return isPresent
    }
}
