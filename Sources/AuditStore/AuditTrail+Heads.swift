public import AuditLog
internal import Logging

/// The exchange of heads with the other end.
extension AuditTrail {
    /// What one end tells the other: the head of its own log, and the one that it keeps of the other's.
    public struct Heads: Sendable, Equatable {
        /// The head of one's own log.
        public var own: AuditHead
        /// The newest head of the other's log that is kept here.
        public var kept: AuditHead?

        /// Describes what is told.
        public init(own: AuditHead, kept: AuditHead?) {
            self.own = own
            self.kept = kept
        }
    }

    /// How often a head of each peer is put on record, in milliseconds; the newest is kept at each exchange.
    static let interval: UInt64 = 6 * 3_600_000

    /// What to tell a peer.
    public func heads(for peer: String, in log: String) async throws(AuditStoreError) -> Heads {
        Heads(own: try await file.head(of: log), kept: try await file.peerHead(of: peer, in: log))
    }

    /// Takes what a peer has told: keeps its head, and finds out whether either log was rewritten.
    public func take(
        _ heads: Heads, from peer: AuditEvent.Actor, source: String = "", in log: String
    ) async throws(AuditStoreError) {
        func event(_ action: String, _ outcome: AuditEvent.Outcome, _ detail: [String: String]) -> AuditEvent {
            AuditEvent(
                milliseconds: present, actor: peer, source: source, action: action, subject: "\(peer.kind)/\(peer.id)",
                outcome: outcome, detail: detail)
        }
        let told = ["size": "\(heads.own.size)", "root": "\(heads.own.root)"]
        switch try await file.keep(heads.own, of: peer.id, in: log, at: present, interval: Self.interval) {
        case .same, .newer(isDue: false): break
        case .newer(isDue: true): recordSoon(event("audit.head", .done, told), in: log)
        case .conflict(let known):
            alarm(
                "The other end's audit log is not the one that it was", log, peer,
                event(
                    "audit.conflict", .failed,
                    told.merging(["kept_size": "\(known.size)", "kept_root": "\(known.root)"]) { first, _ in first }))
        }
        guard let kept = heads.kept else { return }
        let own: AuditHead?
        do {
            own = try await file.head(of: log, at: kept.size)
        } catch {
            guard error.code == .damaged else { throw error }
            own = nil
        }
        remember(kept, keptBy: peer.id, of: log)
        guard own != kept else { return }
        alarm(
            "This audit log is not the one that the other end has seen", log, peer,
            event("audit.rewritten", .failed, ["kept_size": "\(kept.size)", "kept_root": "\(kept.root)"]))
    }

    private func alarm(_ message: Logger.Message, _ log: String, _ peer: AuditEvent.Actor, _ event: AuditEvent) {
        note(event, in: log, alike: "\(event.action) \(peer.id)")
        logger.error(message, metadata: ["log": "\(log)", "peer": "\(peer.kind):\(peer.id)"])
    }
}
