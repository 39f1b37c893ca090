internal import BrokerCore
public import RelayFormat
internal import RelaySealing
internal import Synchronization

/// What leaves.
extension Keyring {
    /// The most messages that one signature serves.
    private static let largestBatch = 256
    private static let noEpoch = SealingError(.unknownEpoch, "no epoch of the group is held")
    private static let noSession = SealingError(.unknownSession, "there is no session with the process")

    /// How one message is sealed.
    private enum Plan {
        case group(GroupEpochs.Held, RelayHeader)
        case session(Session, RelayHeader)
        case own(RelayHeader)
        case refused(SealingError)
    }

    /// Makes records of messages, in their order; those that go to one group share a signature, and bodies that go to one
    /// process a record.
    ///
    /// A connector that says something to a dispatcher's process for the first time, or for the first time in an epoch,
    /// begins a session with it: its HELLO goes first.
    public func seal(_ given: [OutgoingMessage], at now: RelayTime) async -> SealedBatch {
        let bundling = Bundling(given)
        let messages = bundling.messages
        var greetings: [OutgoingMessage] = []
        let plans = state.withLock { state in
            var plans: [Plan] = []
            plans.reserveCapacity(messages.count)
            for message in messages { plans.append(plan(message, &state, &greetings, at: now)) }
            // They go first, and were made last.
            return greetings.isEmpty ? plans : greetings.map { plan($0, &state, at: now) } + plans
        }
        let all = greetings.isEmpty ? messages : greetings + messages
        var payloads = [Result<[UInt8], SealingError>](repeating: .failure(Self.noEpoch), count: all.count)
        var batches: [(held: GroupEpochs.Held, members: [Int])] = []
        var batchOf: [ObjectIdentifier: Int] = [:]
        for (index, plan) in plans.enumerated() {
            switch plan {
            case .group(let held, _):
                // Messages of one group mostly come in runs.
                if let last = batches.last, last.held === held {
                    batches[batches.count - 1].members.append(index)
                } else if let batch = batchOf[ObjectIdentifier(held)] {
                    batches[batch].members.append(index)
                } else {
                    batchOf[ObjectIdentifier(held)] = batches.count
                    batches.append((held, [index]))
                }
            case .session(let session, let header):
                payloads[index] = Result { () throws(SealingError) in try session.seal(header, all[index].body) }
            case .own(let header):
                payloads[index] = Result { () throws(SealingError) in try own.seal(header, all[index].body) }
            case .refused(let error): payloads[index] = .failure(error)
            }
        }
        for (held, members) in batches {
            for part in members.chunks(ofCount: Self.largestBatch) {
                await seal(part, of: held, plans, all, into: &payloads, at: now)
            }
        }
        var records: [OutgoingRecord] = []
        records.reserveCapacity(all.count)
        let places = zip(all, payloads).map { message, payload in
            payload.map { payload in
                records.append(message.record(payload))
                return records.count - 1
            }
        }
        return SealedBatch(records: records, carriers: bundling.carriers.map { places[greetings.count + $0] })
    }

    /// Seals what goes to one group, under one signature.
    private func seal(
        _ members: ArraySlice<Int>, of held: GroupEpochs.Held, _ plans: [Plan], _ messages: [OutgoingMessage],
        into payloads: inout [Result<[UInt8], SealingError>], at now: RelayTime
    ) async {
        var batch: [(header: RelayHeader, body: [UInt8])] = []
        batch.reserveCapacity(members.count)
        for index in members {
            if case .group(_, let header) = plans[index] { batch.append((header, messages[index].body)) }
        }
        do throws(SealingError) {
            let prepared = try held.epoch.prepare(batch, at: now)
            let signature = try await held.keys.signature(over: prepared.signedBytes)
            for (index, payload) in zip(members, try prepared.signed(with: signature)) {
                payloads[index] = .success(payload)
            }
        } catch {
            for index in members { payloads[index] = .failure(error) }
        }
    }

    /// The HELLOs that have to be said again, since nothing was heard in their sessions yet.
    public func greetings(at now: RelayTime) -> [OutgoingMessage] {
        state.withLock { state in
            state.sessions.takeDueHellos(at: now).compactMap { name in greeting(name, state, at: now) }
        }
    }

    /// The HELLO of the session with a process, said again when it asks; none where nothing was said to it yet.
    public func greeting(to boot: BootID, at now: RelayTime) -> OutgoingMessage? {
        state.withLock { state in state.sessions.newest(with: boot).flatMap { greeting($0, state, at: now) } }
    }

    private func greeting(
        _ name: SessionTable.Name, _ state: borrowing State, at now: RelayTime
    ) -> OutgoingMessage? {
        // Under an epoch that is over, the next word begins a new session.
        guard let entry = state.sessions[name], entry.session.role == .connector,
            state.groups[name.group]?.current?.core.number == name.epoch
        else { return nil }
        return OutgoingMessage(
            .hello, encoded: entry.hello.encoded, to: .inbox(InboxPlace(tenant: party.tenant, boot: name.boot)),
            group: name.group,
            expiresAt: now + .seconds(30))
    }

    // MARK: Plans

    private func plan(
        _ message: OutgoingMessage, _ state: inout State, _ greetings: inout [OutgoingMessage], at now: RelayTime
    ) -> Plan {
        guard !message.kind.isForGroup, case .inbox(let place) = message.place else {
            return plan(message, &state, at: now)
        }
        do throws(SealingError) {
            let (name, isNew) = try session(with: place.boot, &state, at: now)
            guard let session = state.sessions.session(name) else { throw Self.noSession }
            if isNew, let hello = greeting(name, state, at: now) { greetings.append(hello) }
            var header = header(message, &state, at: now)
            session.stamp(&header)
            header.sequence = state.sessions.number(message.kind, in: name)
            return .session(session, header)
        } catch {
            return .refused(error)
        }
    }

    /// The plan of what goes to a group, or to this process itself.
    private func plan(_ message: OutgoingMessage, _ state: inout State, at now: RelayTime) -> Plan {
        var group = message.group
        if group == .none, case .inbox(let place) = message.place, let contact = state.contacts[place.boot] {
            group = contact.group
        }
        var header = header(message, &state, at: now)
        if group == .none, message.kind == .beat, party.role == .dispatcher {
            own.stamp(&header)
            return .own(header)
        }
        guard let held = state.groups[group]?.current, now < held.epoch.core.notAfter else {
            return .refused(Self.noEpoch)
        }
        held.epoch.stamp(&header)
        return .group(held, header)
    }

    private func header(_ message: OutgoingMessage, _ state: inout State, at now: RelayTime) -> RelayHeader {
        state.messages += 1
        return RelayHeader(
            kind: message.kind, isBundle: message.isBundle, tenant: party.tenant, group: message.group,
            attempt: message.attempt, sender: party.member, boot: party.boot, sequence: state.messages,
            message: MessageID(high: party.boot.high, low: party.boot.low &+ state.messages),
            correlation: message.correlation, issuedAt: now)
    }

    /// The session in which a process is told things; a connector begins one where there is none of the present epoch.
    private func session(
        with boot: BootID, _ state: inout State, at now: RelayTime
    ) throws(SealingError) -> (SessionTable.Name, isNew: Bool) {
        let newest = state.sessions.newest(with: boot).flatMap { name in
            state.sessions.session(name).map { now < $0.notAfter } ?? false ? name : nil
        }
        guard party.role == .connector else {
            guard let newest else { throw Self.noSession }
            return (newest, false)
        }
        if let newest, state.groups[newest.group]?.current?.epoch.core.number == newest.epoch { return (newest, false) }
        guard let contact = state.contacts[boot], let held = state.groups[contact.group]?.current,
            now < held.core.notAfter, held.has(contact.member, as: .dispatcher)
        else {
            // What was begun under an epoch that is still held goes on.
            guard let newest else { throw Self.noSession }
            return (newest, false)
        }
        let (session, hello) = try Session.begin(in: held.epoch, boot: party.boot, with: contact.member, boot: boot)
        let name = SessionTable.Name(boot: boot, group: contact.group, epoch: held.core.number)
        state.sessions.add(.init(session, hello, at: now), as: name)
        return (name, true)
    }
}

extension [Int] {
    fileprivate func chunks(ofCount count: Int) -> [ArraySlice<Int>] {
        stride(from: 0, to: self.count, by: count).map { self[$0..<Swift.min($0 + count, self.count)] }
    }
}

extension MemberKeys {
    fileprivate func signature(over bytes: [UInt8]) async throws(SealingError) -> [UInt8] {
        do { return try await identity.signature(over: bytes) } catch {
            throw SealingError(.signer, "the identity's key did not sign: \(error)")
        }
    }
}
