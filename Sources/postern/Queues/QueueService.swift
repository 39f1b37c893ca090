internal import ServiceLifecycle

/// Keeps the way to the queue for as long as the services before it in the group need it.
struct QueueService: Service {
    let queue: any ConnectorQueue

    func run() async throws {
        // At shutdown the session ends first and is stopped last: the way is cut only when the group ends.
        try await cancelWhenGracefulShutdown { try await queue.run() }
    }
}
