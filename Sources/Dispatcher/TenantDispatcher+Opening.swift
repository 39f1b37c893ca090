internal import BrokerCore
internal import Logging
internal import RelayDelivery
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import Synchronization

/// Opens what arrives; what was sealed under a newer epoch than the one held waits for that.
extension TenantDispatcher {
    /// For how long a record waits for a newer epoch than the one held.
    private static let patience = Duration.seconds(2)
    /// The most records that wait at a time.
    private static let mostWaiting = 1024

    /// Opens a record.
    ///
    /// - Parameter later: told of it when it had to wait and could be opened.
    /// - Returns: nil when it is refused, or waits.
    func open(
        _ payload: [UInt8], from source: MessageSource, _ kinds: Set<MessageKind>,
        later: @escaping @Sendable (Envelope) -> Void
    ) -> Envelope? {
        do throws(SealingError) {
            return try sealing.open(payload, from: source, allowing: kinds, at: clock.now)
        } catch {
            // Of a group that is none nobody is asked: whoever makes names up would have as many questions as he likes.
            guard error.code == .unknownEpoch, let epochs, let header = try? Envelope(decoding: payload).header,
                groups().contains(header.group),
                waitingForEpochs.withLock({ count in
                    guard count < Self.mostWaiting else { return false }
                    count += 1
                    return true
                })
            else {
                refuse(payload, error)
                return nil
            }
            // Owned by the dispatcher: ends when the epoch has come, or after two seconds.
            Task {
                _ = await epochs.wait(for: header.group, epoch: header.epoch, within: Self.patience)
                self.waitingForEpochs.withLock { $0 -= 1 }
                do throws(SealingError) {
                    later(try self.sealing.open(payload, from: source, allowing: kinds, at: self.clock.now))
                } catch {
                    self.refuse(payload, error)
                }
            }
            return nil
        }
    }

    /// Refuses a record; whoever speaks in a session or an epoch that is not known here is invited to begin another: what
    /// invites him is of the present epoch, which he then fetches.
    private func refuse(_ payload: [UInt8], _ error: SealingError) {
        countRefusal(error)
        guard error.code == .unknownSession || error.code == .expiredEpoch,
            let header = try? Envelope(decoding: payload).header
        else { return }
        invite(header.boot, in: header.group)
    }

    /// Invites a process; at most once a second.
    ///
    /// - Parameter group: in whose name; `none` for the one in whose name it was heard.
    func invite(_ boot: BootID, in group: GroupID = .none) {
        let now = clock.now
        guard sealing.takeInvitation(of: boot, at: now) else { return }
        put(message(.invite, InviteMessage(now: now, bootNumber: bootNumber.withLock { $0 }), to: boot, group: group))
    }

    func countRefusal(_ error: SealingError) {
        refusals.count(error)
        logger.warning("Record refused", metadata: ["reason": "\(error.code.rawValue)", "detail": "\(error.detail)"])
    }
}
