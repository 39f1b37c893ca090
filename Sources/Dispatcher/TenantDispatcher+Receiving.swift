internal import BrokerCore
internal import Logging
internal import RelayDelivery
internal import RelayFormat
internal import Synchronization

extension TenantDispatcher {
    /// Reads what connectors say to this process.
    func receive(from inbox: any Inbox) async {
        while let payloads = await inbox.next() {
            var receipts: [BootID: [RequestID]] = [:]
            var outgoing: [OutgoingRecord] = []
            for payload in payloads {
                do throws(RelayFormatError) {
                    let envelope = try correspondent.open(payload, allowing: [.accepted, .return, .response, .ping])
                    let header = envelope.header
                    switch header.kind {
                    case .accepted:
                        let message = try envelope.decode(AcceptedMessage.self)
                        let now = present
                        act(
                            on: machine.withLock { machine in
                                message.entries.flatMap { entry in
                                    machine.accepted(entry.request, attempt: entry.attempt, by: header.boot, at: now)
                                }
                            })
                    case .response:
                        let message = try envelope.decode(ResponseMessage.self)
                        receipts[header.boot, default: []].append(header.correlation)
                        act(
                            on: machine.withLock {
                                $0.responded(
                                    header.correlation, attempt: header.attempt, from: header.sender,
                                    by: header.boot, outcome: message.outcome)
                            })
                    case .return:
                        let message = try envelope.decode(ReturnMessage.self)
                        let now = present
                        act(
                            on: machine.withLock {
                                $0.returned(
                                    header.correlation, attempt: header.attempt, by: header.boot,
                                    reason: message.reason, at: now)
                            })
                    default:
                        outgoing += self.message(
                            .pong, EmptyMessage(), to: header.boot, correlation: header.correlation)
                    }
                } catch {
                    countRefusal(error)
                }
            }
            for (boot, requests) in receipts {
                outgoing += message(.receipt, ReceiptMessage(requests), to: boot)
            }
            put(outgoing)
        }
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
}
