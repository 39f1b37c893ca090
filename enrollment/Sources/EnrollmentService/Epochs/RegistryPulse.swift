internal import GRDB

/// Tells that a table may have changed: at once for this process, a moment later for others.
struct RegistryPulse: Sendable {
    private static let interval = Duration.milliseconds(250)

    let registry: Registry
    let table: String

    /// Runs the body once now and after each change, until it is cancelled; what comes meanwhile is one change.
    func run(_ body: @Sendable () async -> Void) async {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let observation = DatabaseRegionObservation(tracking: Table(table)).start(
            in: registry.database, onError: { _ in }, onChange: { _ in continuation.yield() })
        continuation.yield()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Other processes share the registry, and some things are due by time alone.
                while (try? await Task.sleep(for: Self.interval)) != nil { continuation.yield() }
                continuation.finish()
            }
            for await _ in signals { await body() }
            group.cancelAll()
        }
        observation.cancel()
    }
}
