internal import RelayFormat

extension DispatchMachine {
    /// Where a request stands.
    enum State: Sendable {
        /// Nobody can take it yet. Exits: `dispatched`, ended.
        case waiting
        /// Sent; nobody has said ACCEPTED. Exits: `held`, `granted`, `dispatched` again, `waiting`, ended.
        case dispatched(Route, at: ContinuousClock.Instant)
        /// A boot runs it, and another may. Exits: `dispatched` again, `waiting`, ended.
        case held(by: BootID)
        /// A boot has the one leave to run it. Exits: `waiting` by RETURN of that boot, ended.
        case granted(to: BootID)
        /// It has ended, and the ledger does not yet have that. Exit: forgotten.
        case ending
    }

    /// A request that has not been forgotten.
    struct Tracked: Sendable {
        var submission: Submission
        var payload: Payload
        var state: State = .waiting
        var attempt: UInt32 = 0
        /// The boots that gave it back, and so never start it.
        var refusedBy: Set<BootID> = []
        /// The attempts that ended with the boot that ran them, and that boot; `none` where it is not known.
        var lostWith: [UInt32: BootID] = [:]
        /// The attempts that may have run, where running twice is no harm but running is not nothing (`keyed`).
        var doubts: Set<UInt32> = []
        /// Losses that the ledger remembers from before a restart of the dispatcher.
        var formerLosses = 0
        /// Who had it last, by name and member; outlasts the peer's own entry.
        var holder: RequestProgress.Holder?
        /// How often it was given back for another reason than want of room.
        var returns = 0
        /// Whether the last one who had it had no room.
        var isCrowdedOut = false
        /// Whether it may go nowhere before that time.
        var holdOff: ContinuousClock.Instant?
        /// When its holder was heard of it last.
        var lastSign: ContinuousClock.Instant?
        /// Whether it ends as cancelled when nothing else is heard of it.
        var isCancelled = false
        var isWaitingNoted = false
        var events: [RequestEvent] = []
        /// How many events the ledger has, or will have.
        var recordedEvents = 0

        var losses: Int { formerLosses + lostWith.count }

        /// Whether a definite end without an answer would not be the truth.
        var mayHaveRun: Bool {
            if case .granted = state { return true }
            return switch submission.requestClass {
            case .safe: false
            case .keyed: attempt > 0
            // It can have become stricter after it ran.
            case .once: losses > 0 || !doubts.isEmpty
            }
        }

        /// What a reply says, as far as it is true of the other attempts, too.
        func honest(_ outcome: ResponseMessage.Outcome, of attempt: UInt32) -> ResponseMessage.Outcome {
            guard submission.requestClass != .safe, case .failed(let failure) = outcome, failure.code.saysNothingRan,
                losses > 0 || doubts.contains(where: { $0 != attempt })
            else { return outcome }
            return .failed(RequestFailure(.outcomeUnknown, "an earlier attempt may have run; the last one: \(failure)"))
        }

        /// The boot that runs it, or has the leave to.
        var holderBoot: BootID? {
            switch state {
            case .held(let boot), .granted(let boot): boot
            case .waiting, .dispatched, .ending: nil
            }
        }

        /// The boot in whose hand it is: that holds it, or was sent it.
        var boot: BootID? {
            if case .dispatched(.inbox(let boot), _) = state { boot } else { holderBoot }
        }

        var name: DispatchName { DispatchName(request: submission.id, attempt: attempt) }

        /// Begins a further attempt.
        mutating func dispatched(
            by route: Route, to target: String, lossesBeforeAlone: Int, at now: RelayTime
        ) -> Dispatch {
            attempt += 1
            if submission.requestClass == .keyed { doubts.insert(attempt) }
            isCrowdedOut = false
            holdOff = nil
            let sending = Dispatch(attempt: attempt, route: route, runsAlone: losses >= lossesBeforeAlone)
            note(
                .dispatched, at: now, connector: target,
                detail: sending.runsAlone
                    ? "to its inbox, to run alone" : target.isEmpty ? "to the group" : "to its inbox")
            return sending
        }

        /// Comes into a hand, or on its way to one.
        mutating func enter(_ state: State, at now: ContinuousClock.Instant) {
            self.state = state
            lastSign = now
            isWaitingNoted = false
        }

        /// The most events that are kept: the first ones and the newest.
        static var eventLimit: Int { 64 }

        mutating func note(
            _ kind: RequestEvent.Kind, at now: RelayTime, attempt: UInt32? = nil, connector: String = "",
            detail: String = ""
        ) {
            if events.count >= Self.eventLimit, recordedEvents >= events.count || !submission.isDurable {
                events.remove(at: 16)
                recordedEvents = min(recordedEvents, events.count)
            }
            events.append(
                RequestEvent(
                    at: now, kind, attempt: attempt ?? self.attempt, connector: connector, detail: detail))
        }

        var progress: RequestProgress {
            let standing: RequestProgress.Standing =
                switch state {
                case .waiting, .ending: .waiting
                case .dispatched: .dispatched
                case .held: .held
                case .granted: .granted
                }
            return RequestProgress(
                standing: standing, requestClass: submission.requestClass, attempt: attempt, losses: UInt32(losses),
                deadline: submission.deadline, holder: holderBoot == nil ? nil : holder)
        }
    }

    /// A request that ended as unknown, of which its connector's journal may still tell.
    struct Unresolved: Sendable {
        var submission: Submission
        var ending: RequestEnding
        var progress: RequestProgress
        var events: [RequestEvent]
        var recordedEvents: Int
        var askedAt: ContinuousClock.Instant?

        var name: DispatchName { DispatchName(request: submission.id, attempt: ending.attempt) }
    }
}

extension RequestFailure.Code {
    /// Whether the reason means that the service was not touched.
    fileprivate var saysNothingRan: Bool {
        switch self {
        case .noConnector, .deadlineExceeded, .deniedByPolicy, .serviceUnknown, .targetUnreachable, .overloaded,
            .cancelled:
            true
        case .outcomeUnknown, .responseTooLarge, .targetFailed, .deadLetter: false
        }
    }
}
