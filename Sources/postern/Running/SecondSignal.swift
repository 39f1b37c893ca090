internal import ServiceLifecycle
internal import UnixSignals

/// Ends the connector at once at the second SIGTERM or SIGINT; the first one lets it finish what runs.
struct SecondSignal: Service {
    /// Thrown at the second signal, so that the group cancels all services.
    struct Received: Error {}

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            var received = 0
            for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
                received += 1
                if received == 2 { throw Received() }
            }
        }
    }
}
