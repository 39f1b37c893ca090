import BrokerCore
import BrokerLink
import Logging
import Synchronization

/// A link client that runs, and the states that it went through.
final class LinkClientRun: Sendable {
    let client: LinkClient
    private let states: Mailbox<LinkState>
    private let unread = Mutex<[LinkState]>([])
    /// Owned by this object; ends in `stop` or by a fatal refusal.
    private let task: Task<Void, any Error>

    init(
        _ configuration: LinkClient.Configuration,
        credential: @escaping @Sendable ([UInt8]) async throws -> LinkCredential
    ) throws {
        let states = Mailbox<LinkState>()
        let client = try LinkClient(
            configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            onStateChange: { states.put(CollectionOfOne($0)) }, credential: credential)
        self.states = states
        self.client = client
        task = Task { try await client.run() }
    }

    /// Waits for the next state that meets the condition, and gives it back; what came before it is skipped.
    @discardableResult
    func state(where condition: (LinkState) -> Bool) async throws -> LinkState {
        while true {
            let found = unread.withLock { unread -> LinkState? in
                guard let index = unread.firstIndex(where: condition) else {
                    unread = []
                    return nil
                }
                defer { unread.removeFirst(index + 1) }
                return unread[index]
            }
            if let found { return found }
            guard let seen = await states.take() else { throw CancellationError() }
            unread.withLock { $0 += seen }
        }
    }

    func connected() async throws {
        try await state { if case .connected = $0 { true } else { false } }
    }

    func disconnected() async throws -> LinkError {
        let state = try await state { if case .disconnected = $0 { true } else { false } }
        guard case .disconnected(let reason, _, _) = state else { throw CancellationError() }
        return reason
    }

    /// Waits until `run` has returned or thrown.
    func result() async -> Result<Void, any Error> { await task.result }

    func stop() async {
        await client.close()
        _ = await task.result
    }
}
