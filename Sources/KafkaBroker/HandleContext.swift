internal import CRDKafka
internal import Foundation
internal import Logging
internal import Synchronization

/// What the callbacks of a handle need: it lives as long as the handle, whose opaque pointer leads to it.
final class HandleContext: Sendable {
    let logger: Logger
    let route: (@Sendable (String, UInt16) -> UInt16?)?
    let provider: (@Sendable () async throws -> KafkaSecurity.Token)?
    private let isRefreshing = Atomic(false)
    /// Told what went wrong with the login last; nil when it went well.
    private let trouble = Mutex<String?>(nil)

    init(
        logger: Logger, route: (@Sendable (String, UInt16) -> UInt16?)?,
        provider: (@Sendable () async throws -> KafkaSecurity.Token)? = nil
    ) {
        self.logger = logger
        self.route = route
        self.provider = provider
    }

    /// Fetches a token and gives it to the handle, again and again until one was had or the handle is closed.
    ///
    /// The library asks right after the handle was made, and at 80 % of a token's life; nothing connects before.
    func refreshToken(for handle: KafkaHandle) {
        guard let provider, !isRefreshing.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // Owned by the handle: it ends when a token was had, or when the handle is closed.
        Task { [self] in
            defer { isRefreshing.store(false, ordering: .releasing) }
            var pause = Duration.milliseconds(100)
            while !handle.isClosing {
                do {
                    try Self.set(try await provider(), in: handle)
                    trouble.withLock { $0 = nil }
                    return
                } catch {
                    let isNews = trouble.withLock { trouble in
                        defer { trouble = "\(error)" }
                        return trouble != "\(error)"
                    }
                    if isNews {
                        logger.warning("No token for Kafka", metadata: ["reason": "\(error)"])
                    }
                    try? await Task.sleep(for: pause)
                    pause = min(pause * 2, .seconds(5))
                }
            }
        }
    }

    /// Gives a token to a handle; it only puts it down, and waits for nobody.
    static func set(_ token: KafkaSecurity.Token, in handle: KafkaHandle) throws(KafkaError) {
        var reason = [CChar](repeating: 0, count: 512)
        let error = rd_kafka_oauthbearer_set_token(
            handle.raw, token.value, token.expiresAt, token.principal, nil, 0, &reason, reason.count)
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(error, "the token is refused: \(HandleMaker.text(reason))")
        }
    }
}
