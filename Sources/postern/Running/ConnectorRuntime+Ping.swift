internal import Connector
internal import IdentityStore
internal import Logging

extension ConnectorRuntime {
    /// Goes through the queue and back over a way that is opened for it alone, as an observer.
    ///
    /// It says nothing to anyone but the dispatcher that it asks, so that a running service is not taken for the older
    /// process of two.
    static func pingAlone(
        _ identity: LoadedIdentity, in store: FolderIdentityStore, network: NetworkSettings, logger: Logger
    ) async throws -> ControlAnswer.Ping {
        let runtime = try await ConnectorRuntime.open(
            identity: identity, configuration: ConnectorConfiguration(), network: network, journalPath: nil,
            store: store, logger: logger)
        do {
            let answer = try await runtime.pingWhileObserving()
            await runtime.close()
            return answer
        } catch {
            await runtime.close()
            throw error
        }
    }

    /// Runs queue and session until a ping has ended.
    func pingWhileObserving() async throws -> ControlAnswer.Ping {
        try await withThrowingTaskGroup(of: ControlAnswer.Ping?.self) { group in
            group.addTask {
                try await queue.run()
                return nil
            }
            group.addTask {
                try await session.run()
                return nil
            }
            group.addTask { await ping() }
            var answer: ControlAnswer.Ping?
            while answer == nil, let result = try await group.next() { answer = result }
            group.cancelAll()
            await queue.close()
            return answer ?? ControlAnswer.Ping(failure: "the way to the queue ended")
        }
    }
}
