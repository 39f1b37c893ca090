public import BrokerCore
public import RelayFormat
public import RelaySealing
internal import Synchronization

/// Opens what reaches a party; what was sealed under a newer epoch than the one held waits until that has come, and what
/// has overtaken its HELLO waits for that.
public final class MessageOpener: Sendable {
    /// For how long a record waits for a newer epoch.
    private static let patience = Duration.seconds(2)
    /// When it is looked after the HELLO that was overtaken: lanes go side by side, so it is not far.
    private static let looks: [Duration] = [.milliseconds(10), .milliseconds(40), .milliseconds(200)]
    /// The most records that wait at a time.
    private static let mostWaiting = 1024

    private let sealing: any MessageSealing
    private let epochs: EpochKeeper?
    private let isGreeted: Bool
    private let clock: RelayClock
    private let waiting = Mutex(0)

    /// Makes an opener.
    ///
    /// - Parameters:
    ///   - epochs: what fetches newer epochs; nil where there are none.
    ///   - isGreeted: whether it is others that begin sessions.
    public init(sealing: any MessageSealing, epochs: EpochKeeper?, isGreeted: Bool, clock: RelayClock) {
        self.sealing = sealing
        self.epochs = epochs
        self.isGreeted = isGreeted
        self.clock = clock
    }

    /// Opens a record.
    ///
    /// - Parameters:
    ///   - isKnown: whether a group is one at all. Of others nobody is asked: whoever makes names up would have as many
    ///     questions as he likes.
    ///   - later: told how it ended, where the record had to wait.
    /// - Returns: how it ended; nil when it waits.
    public func open(
        _ payload: [UInt8], from source: MessageSource, allowing kinds: Set<MessageKind>,
        isKnown: (GroupID) -> Bool, later: @escaping @Sendable (Result<[Envelope], SealingError>) -> Void
    ) -> Result<[Envelope], SealingError>? {
        let result = open(payload, from: source, allowing: kinds)
        guard case .failure(let error) = result, let epochs,
            error.code == .unknownEpoch || error.code == .unknownSession && isGreeted,
            let header = try? Envelope(decoding: payload).header, isKnown(header.group), takePlace()
        else { return result }
        // Owned by whoever is told: ends when what is missing has come, or after two seconds.
        Task {
            var result = result
            if error.code == .unknownEpoch {
                _ = await epochs.wait(for: header.group, epoch: header.epoch, within: Self.patience)
                result = self.open(payload, from: source, allowing: kinds)
            } else {
                for pause in Self.looks where result.isWithoutSession {
                    try? await Task.sleep(for: pause)
                    result = self.open(payload, from: source, allowing: kinds)
                }
            }
            self.waiting.withLock { $0 -= 1 }
            later(result)
        }
        return nil
    }

    private func open(
        _ payload: [UInt8], from source: MessageSource, allowing kinds: Set<MessageKind>
    ) -> Result<[Envelope], SealingError> {
        Result { () throws(SealingError) in
            try sealing.open(payload, from: source, allowing: kinds, at: clock.now)
        }
    }

    private func takePlace() -> Bool {
        waiting.withLock { count in
            guard count < Self.mostWaiting else { return false }
            count += 1
            return true
        }
    }
}

extension Result<[Envelope], SealingError> {
    fileprivate var isWithoutSession: Bool {
        if case .failure(let error) = self { error.code == .unknownSession } else { false }
    }
}
