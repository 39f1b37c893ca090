internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import Logging
internal import RelayFormat
internal import Synchronization

/// What a service says of itself while it cannot begin its work: the tenant does not answer, or keeps it out.
///
/// From the first failure on it answers at the control socket, until the work begins.
final class WaitingRoom: Sendable {
    private struct State {
        var error: EnrollmentClientError?
        var since = ContinuousClock.now
        var attempts = 0
    }

    private let record: StoredIdentity
    private let configuration: ConnectorConfiguration
    private let state = Mutex(State())
    private let failures: AsyncStream<Void>
    private let noted: AsyncStream<Void>.Continuation

    /// Makes the room of a connector.
    init(_ record: StoredIdentity, _ configuration: ConnectorConfiguration) {
        self.record = record
        self.configuration = configuration
        (failures, noted) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Notes why it has to wait.
    func note(_ error: EnrollmentClientError) {
        state.withLock { state in
            if state.error?.code != error.code { state.since = .now }
            state.error = error
            state.attempts += 1
        }
        noted.yield()
    }

    /// How the connector stands.
    var status: ConnectorStatus {
        let state = state.withLock { $0 }
        let reason = state.error?.message ?? "the tenant has not answered yet"
        let link: Connectivity =
            state.error?.code == .frozen
            ? .frozen(since: state.since)
            : .disconnected(reason: reason, since: state.since, attempts: state.attempts)
        var status = ConnectorStatus(
            waiting: link, reason: reason,
            tenant: record.tenant.slug, connector: record.connectorID, name: record.shownName,
            groups: record.groups.map(\.name).sorted(), services: configuration.services.mapValues(\.kind),
            version: PosternVersion.text)
        status.certificateNotAfter = RFC3339.text(of: record.notAfter)
        return status
    }

    /// Answers at the control socket from the first failure on, while something is made; then the socket is free.
    func attended<Value>(
        at path: String, logger: Logger, while making: () async throws -> Value
    ) async throws -> Value {
        let refusal = ControlRefusal(
            "the service waits for the tenant and is not at work yet; 'postern status' says why")
        let server = ControlServer(
            path: path,
            handlers: .init(
                status: { self.status },
                ping: { ControlAnswer.Ping(failure: self.status.reason) },
                drain: { (_) async throws(ControlRefusal) in throw refusal },
                pause: { (_) async throws(ControlRefusal) in throw refusal },
                resume: { () async throws(ControlRefusal) in throw refusal },
                rotate: { () async throws(ControlRefusal) in throw refusal }), logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [failures] in
                for await _ in failures { break }
                // Without a socket it waits all the same; the one of the work says what is wrong.
                if !Task.isCancelled { try? await server.run() }
            }
            let value = try await making()
            group.cancelAll()
            try await group.waitForAll()
            return value
        }
    }
}

extension ConnectorConfiguration.Service {
    /// The kind, as the file names it.
    fileprivate var kind: String {
        switch self {
        case .http: "http"
        }
    }
}
