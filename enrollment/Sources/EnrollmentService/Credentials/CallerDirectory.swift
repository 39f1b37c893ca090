internal import EnrollmentProtocol
internal import Foundation
internal import Synchronization

/// Finds who calls by an API key, fast enough to be asked for every request.
///
/// What was found is believed for half a second; a change in this process is seen at once, and one in another process
/// within that time.
public final class CallerDirectory: Sendable {
    private struct Entry {
        let caller: ApplicationCaller
        let readAt: ContinuousClock.Instant
    }
    private struct State {
        var entries: [SecretDigest: Entry] = [:]
        /// Counts the changes, so that what was read before one is not kept after it.
        var change = 0
    }

    private static let trust = Duration.milliseconds(500)
    private static let capacity = 10_000

    private let registry: Registry
    private let now: @Sendable () -> Date
    private let state = Mutex(State())

    init(registry: Registry, now: @escaping @Sendable () -> Date) {
        self.registry = registry
        self.now = now
    }

    /// The caller of a key; nil for one that is unknown, expired, revoked, or does not open services.
    ///
    /// Throws `registry` when nobody can say.
    public func caller(forKey text: String) async throws(EnrollmentServiceError) -> ApplicationCaller? {
        guard let secret = try? SecretToken(text) else { return nil }
        let digest = registry.pepper.digest(of: secret)
        let instant = ContinuousClock.now
        let (known, change) = state.withLock { ($0.entries[digest], $0.change) }
        if let known, instant - known.readAt < Self.trust { return current(known.caller) }
        let found: ApplicationCaller?
        do {
            found = try await registry.caller(secret, digest: digest, at: now())
        } catch {
            throw EnrollmentServiceError(.registry, "The registry cannot be read: \(error)")
        }
        state.withLock { state in
            guard state.change == change else { return }
            if state.entries.count >= Self.capacity { state.entries.removeAll() }
            // Unknown keys are not remembered: whoever tries many would fill the memory with them.
            state.entries[digest] = found.map { Entry(caller: $0, readAt: instant) }
        }
        return found
    }

    /// Forgets what was read, after a change.
    func invalidate() {
        state.withLock { state in
            state.entries.removeAll()
            state.change += 1
        }
    }

    private func current(_ caller: ApplicationCaller) -> ApplicationCaller? {
        guard let end = caller.expiresAt, end <= now() else { return caller }
        return nil
    }
}
