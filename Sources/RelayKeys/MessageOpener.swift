public import BrokerCore
public import RelayFormat
public import RelaySealing
internal import Synchronization

/// Opens what reaches a party; what was sealed under a newer epoch than the one held waits until that has come.
public final class MessageOpener: Sendable {
    /// For how long a record waits for a newer epoch.
    private static let patience = Duration.seconds(2)
    /// The most records that wait at a time.
    private static let mostWaiting = 1024

    private let sealing: any MessageSealing
    private let epochs: EpochKeeper?
    private let clock: RelayClock
    private let waiting = Mutex(0)

    /// Makes an opener.
    ///
    /// - Parameter epochs: what fetches newer epochs; nil where there are none.
    public init(sealing: any MessageSealing, epochs: EpochKeeper?, clock: RelayClock) {
        self.sealing = sealing
        self.epochs = epochs
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
        isKnown: (GroupID) -> Bool, later: @escaping @Sendable (Result<Envelope, SealingError>) -> Void
    ) -> Result<Envelope, SealingError>? {
        let result = open(payload, from: source, allowing: kinds)
        guard case .failure(let error) = result, error.code == .unknownEpoch, let epochs,
            let header = try? Envelope(decoding: payload).header, isKnown(header.group), takePlace()
        else { return result }
        // Owned by whoever is told: ends when the epoch has come, or after two seconds.
        Task {
            _ = await epochs.wait(for: header.group, epoch: header.epoch, within: Self.patience)
            self.waiting.withLock { $0 -= 1 }
            later(self.open(payload, from: source, allowing: kinds))
        }
        return nil
    }

    private func open(
        _ payload: [UInt8], from source: MessageSource, allowing kinds: Set<MessageKind>
    ) -> Result<Envelope, SealingError> {
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
