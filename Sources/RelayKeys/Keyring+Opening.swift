public import RelayFormat
public import RelaySealing
internal import Synchronization

/// What arrives.
extension Keyring {
    private static let wrongSuite = SealingError(.wrongSuite, "the suite is not that of the epoch")
    private static let stranger = SealingError(.senderUnknown, "the sender is not a member of the present epoch")
    private static let replayed = SealingError(.replayed, "the message was here before")

    /// Opens what was found at a place: place, kind, member, signature or session first, and what it changes after.
    ///
    /// - Throws: why it is refused. `unknownEpoch` is the one that may pass: the epoch may be newer than the one held.
    public func open(
        _ payload: [UInt8], from source: MessageSource, allowing kinds: Set<MessageKind>, at now: RelayTime
    ) throws(SealingError) -> [Envelope] {
        let header: RelayHeader
        do throws(RelayFormatError) { header = try Envelope(decoding: payload).header } catch {
            throw SealingError(.malformed, error.description)
        }
        guard header.tenant == party.tenant else {
            throw SealingError(.foreignTenant, "the message is another tenant's")
        }
        guard kinds.contains(header.kind) else { throw SealingError(.wrongKind, "the kind does not belong there") }
        guard !header.isBundle || header.kind.travelsWithBodies else {
            throw SealingError(.malformed, "the kind is not bundled")
        }
        guard header.issuedAt <= now + Self.skew else { throw SealingError(.stale, "the message is of the future") }
        let body: ArraySlice<UInt8>
        if header.boot == party.boot {
            body = try openOwn(payload, header, at: now)
        } else if header.kind.isForGroup {
            body = try openForGroup(payload, header, from: source, at: now)
        } else {
            body = try openInSession(payload, header, at: now)
        }
        do throws(RelayFormatError) { return try Envelope(header: header, body: body).unbundled() } catch {
            throw SealingError(unreadable: error)
        }
    }

    private func openOwn(
        _ payload: [UInt8], _ header: RelayHeader, at now: RelayTime
    ) throws(SealingError) -> ArraySlice<UInt8> {
        guard header.kind == .beat, header.sender == party.member else {
            throw SealingError(.wrongKind, "this process said no such thing to itself")
        }
        let body = try own.open(payload, header: header)
        try requireFresh(header, at: now)
        return body
    }

    // MARK: For a group

    private func openForGroup(
        _ payload: [UInt8], _ header: RelayHeader, from source: MessageSource, at now: RelayTime
    ) throws(SealingError) -> ArraySlice<UInt8> {
        if case .group(let group) = source, group != header.group {
            throw SealingError(.foreignGroup, "the message is of another group than its queue")
        }
        let (held, present) = state.withLock { state in
            let epochs = state.groups[header.group]
            return (epochs?.held(header.epoch, at: now), epochs?.current)
        }
        guard let present else { throw SealingError(.unknownEpoch, "no epoch of the group is held") }
        guard let held else {
            throw header.epoch > present.epoch.core.number
                ? SealingError(.unknownEpoch, "the epoch is newer than the one held")
                : SealingError(.expiredEpoch, "the epoch is held no more")
        }
        guard header.suite == held.epoch.core.suite.inHeader else { throw Self.wrongSuite }
        // Who is not of the present epoch any more is not heard under an older one.
        guard let role = held.epoch.core.role(of: header.sender) else { throw Self.stranger }
        guard present.has(header.sender, as: role) else { throw Self.stranger }
        let body = try held.epoch.open(payload, header: header, verified: verified, at: now)
        // A process is one member's: no other member takes its sessions, or its place in presence.
        guard state.withLock({ $0.contacts.isOfSender(header) }) else {
            throw SealingError(.sessionMismatch, "the process is another member's")
        }
        switch header.kind {
        case .request:
            state.withLock { $0.contacts.heard(header, at: now) }
        case .beat:
            try requireFresh(header, at: now)
            guard state.withLock({ $0.contacts.accept(beat: header, at: now) }) else { throw Self.replayed }
        case .invite:
            try requireFresh(header, at: now)
            state.withLock { $0.contacts.heard(header, at: now) }
        case .hello:
            try requireFresh(header, at: now)
            try accept(hello: body, header, held, at: now)
        default: throw SealingError(.wrongKind, "the kind is not sealed for a group")
        }
        return body
    }

    /// What steers is of its moment; bodies may have waited.
    private func requireFresh(_ header: RelayHeader, at now: RelayTime) throws(SealingError) {
        guard header.kind.travelsWithBodies || now - header.issuedAt <= Self.skew else {
            throw SealingError(.stale, "the message is too old")
        }
    }

    /// A connector has begun a session; said again, it changes nothing.
    private func accept(
        hello: ArraySlice<UInt8>, _ header: RelayHeader, _ held: GroupEpochs.Held, at now: RelayTime
    ) throws(SealingError) {
        let name = SessionTable.Name(boot: header.boot, group: header.group, epoch: header.epoch)
        let message: HelloMessage
        do throws(RelayFormatError) {
            message = try Envelope(header: header, body: hello).decode(HelloMessage.self)
        } catch {
            throw SealingError(unreadable: error)
        }
        if let known = state.withLock({ $0.sessions[name] }) {
            guard known.hello == message else {
                throw SealingError(.sessionMismatch, "the process has begun another session in this epoch")
            }
            return state.withLock { $0.contacts.heard(header, at: now) }
        }
        let session = try Session.accept(message, header: header, in: held.epoch, boot: party.boot)
        state.withLock { state in
            state.contacts.heard(header, at: now)
            state.sessions.add(.init(session, message, at: now), as: name)
        }
    }

    // MARK: In a session

    private func openInSession(
        _ payload: [UInt8], _ header: RelayHeader, at now: RelayTime
    ) throws(SealingError) -> ArraySlice<UInt8> {
        let name = SessionTable.Name(boot: header.boot, group: header.group, epoch: header.epoch)
        let (session, present) = state.withLock { state in
            (state.sessions.session(name), state.groups[header.group]?.current)
        }
        guard let session, session.peer.member == header.sender else {
            throw SealingError(.unknownSession, "there is no session with the process")
        }
        guard now < session.notAfter else { throw SealingError(.expiredEpoch, "the session's epoch is over") }
        let other: MemberRole = party.role == .connector ? .dispatcher : .connector
        guard let present, present.has(header.sender, as: other) else { throw Self.stranger }
        guard header.suite == session.suite.inHeader else { throw Self.wrongSuite }
        let body = try session.open(payload, header: header)
        try requireFresh(header, at: now)
        guard state.withLock({ $0.sessions.accept(header, in: name) }) else { throw Self.replayed }
        return body
    }
}
