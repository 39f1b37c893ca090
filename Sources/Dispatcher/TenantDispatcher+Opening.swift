internal import BrokerCore
internal import Logging
internal import RelayDelivery
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import Synchronization

/// Opens what arrives; what was sealed under a newer epoch than the one held waits for that, what has overtaken
/// its HELLO for that.
extension TenantDispatcher {
    /// Opens a record.
    ///
    /// - Parameter later: told of what is in it when it had to wait and could be opened.
    /// - Returns: what is in it; nothing when it is refused, or waits.
    func open(
        _ payload: [UInt8], from source: MessageSource, _ kinds: Set<MessageKind>,
        later: @escaping @Sendable ([Envelope]) -> Void
    ) -> [Envelope] {
        let result = opener.open(payload, from: source, allowing: kinds) { group in
            groups().contains(group)
        } later: { result in
            switch result {
            case .success(let envelopes): later(envelopes)
            case .failure(let error): self.refuse(payload, error)
            }
        }
        switch result {
        case .success(let envelopes): return envelopes
        case .failure(let error): refuse(payload, error)
        case nil: break
        }
        return []
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
