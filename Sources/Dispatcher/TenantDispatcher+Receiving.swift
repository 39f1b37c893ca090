internal import BrokerCore
internal import Logging
internal import Metrics
internal import RelayDelivery
internal import RelayFormat
internal import Synchronization

extension TenantDispatcher {
    /// What a connector said, decoded.
    private enum Saying {
        case accepted(RelayHeader, DispatchListMessage)
        case claims(RelayHeader, ClaimMessage)
        case returned(RelayHeader, ReturnMessage)
        case response(RelayHeader, ResponseMessage)
        case known(RelayHeader, KnownMessage)
    }

    private static let kinds: Set<MessageKind> = [.accepted, .claim, .return, .response, .known, .ping]

    /// Reads what connectors say to this process.
    func receive(from inbox: any Inbox) async {
        while let payloads = await inbox.next() {
            var sayings: [Saying] = []
            var boots: Set<BootID> = []
            sayings.reserveCapacity(payloads.count)
            for payload in payloads {
                do throws(RelayFormatError) {
                    let envelope = try correspondent.open(payload, allowing: Self.kinds)
                    let header = envelope.header
                    boots.insert(header.boot)
                    switch header.kind {
                    case .accepted: sayings.append(.accepted(header, try envelope.decode(DispatchListMessage.self)))
                    case .claim: sayings.append(.claims(header, try envelope.decode(ClaimMessage.self)))
                    case .return: sayings.append(.returned(header, try envelope.decode(ReturnMessage.self)))
                    case .response: sayings.append(.response(header, try envelope.decode(ResponseMessage.self)))
                    case .known: sayings.append(.known(header, try envelope.decode(KnownMessage.self)))
                    default:
                        put(message(.pong, EmptyMessage(), to: header.boot, correlation: header.correlation))
                    }
                } catch {
                    countRefusal(error)
                }
            }
            let now = present
            heard(boots, at: now.steady)
            // Locked for each alone: callers that come meanwhile wait for one of them and not for all.
            var actions: [Machine.Action] = []
            for saying in sayings { actions += machine.withLock { Self.hear(saying, &$0, at: now) } }
            let late = machine.withLock { $0.takeLateReplies() }
            if late > 0 { counters.late.increment(by: Int64(late)) }
            act(on: actions)
        }
    }

    private static func hear(_ saying: Saying, _ machine: inout Machine, at now: Moment) -> [Machine.Action] {
        var actions: [Machine.Action] = []
        switch saying {
        case .accepted(let header, let message):
            for dispatch in message.dispatches { actions += machine.accepted(dispatch, by: header, at: now) }
        case .claims(let header, let message):
            for claim in message.claims { actions += machine.claimed(claim, by: header, at: now) }
        case .known(let header, let message):
            for entry in message.entries { actions += machine.known(entry, by: header, at: now) }
        case .returned(let header, let message):
            return machine.returned(header.dispatch, by: header.boot, reason: message.reason, at: now)
        case .response(let header, let message):
            return machine.responded(header.dispatch, by: header, outcome: message.outcome, at: now)
        }
        return actions
    }

    /// Follows who is there.
    func follow(_ watch: any PresenceWatch) async {
        while let events = await watch.next() {
            let now = present
            for event in events {
                switch event {
                case .closed(let boot):
                    act(on: machine.withLock { $0.closed(boot, at: now) })
                case .beat(let payload):
                    do throws(RelayFormatError) {
                        let envelope = try correspondent.open(payload, allowing: [.beat])
                        let beat = try envelope.decode(BeatMessage.self)
                        if envelope.header.boot == correspondent.boot {
                            act(on: machine.withLock { $0.ownBeat(at: now) })
                        } else {
                            act(on: machine.withLock { $0.beat(beat, from: envelope.header, at: now) })
                        }
                    } catch {
                        countRefusal(error)
                    }
                }
            }
        }
    }

    /// Beats, and tells the machine that time has passed.
    func keepTime() async {
        var nextBeat = ContinuousClock.now
        while !Task.isCancelled {
            let now = ContinuousClock.now
            if now >= nextBeat {
                beat()
                nextBeat = max(nextBeat + configuration.timing.beat, now)
            }
            let present = present
            act(on: machine.withLock { $0.tick(at: present) })
            let untilDeadline = machine.withLock { $0.earliestDeadline }.map { $0 - present.wall } ?? .seconds(1)
            let pause = min(max(untilDeadline, .milliseconds(5)), .milliseconds(100))
            try? await Task.sleep(until: min(nextBeat, now + pause), clock: .continuous)
        }
    }

    private func beat() {
        let message = BeatMessage(
            role: .dispatcher, readiness: .ready, bootNumber: 0, name: "dispatcher", version: configuration.version,
            services: [], inFlight: UInt32(clamping: machine.withLock { $0.count }), credit: 0)
        let now = clock.now
        guard let payload = try? correspondent.seal(.beat, message, at: now) else { return }
        put([
            OutgoingRecord(
                to: .presence(tenant), payload: payload, expiresAt: now + configuration.timing.beat * 3)
        ])
    }

    func countRefusal(_ error: RelayFormatError) {
        counters.refused.increment()
        logger.warning("Record refused", metadata: ["reason": "\(error)"])
    }
}

extension RelayHeader {
    /// The dispatch that the message is about.
    var dispatch: DispatchName { DispatchName(request: correlation, attempt: attempt) }
}
