internal import BrokerCore
internal import CRDKafka
internal import Glibc
internal import KafkaTopology
internal import Logging
internal import RelayFormat
internal import Synchronization

/// A member's place in a group: a consumer group's share of the partitions, with records finished in any order.
///
/// idle → joining → assigning → steady ⇄ revoking → committing → joining or idle. The moves are made on the pump's thread;
/// readers and finishers only touch the book.
final class KafkaSubscription: GroupSubscription {
    enum Phase: Equatable {
        /// Not a member.
        case idle
        /// Asked to be a member; owns nothing.
        case joining
        /// Was given partitions, and looks where they begin.
        case assigning
        /// Works.
        case steady
        /// Has to give its partitions up; waits until what is in hand is finished, but not long.
        case revoking(until: ContinuousClock.Instant)
        /// The last commit before giving up is on its way.
        case committing(until: ContinuousClock.Instant)
    }

    struct State: ~Copyable {
        var book: SubscriptionBook
        var phase = Phase.idle
        /// Counts assignments, so that an answer that comes late is known as late.
        var assignment = 0
        var isLeaving = false
        var isClosed = false
        var isCommitting = false
        var commitAt: ContinuousClock.Instant?
        var lastTake = ContinuousClock.now
        var isWaiting = false
        var isStalled = false
        var leaveBy: ContinuousClock.Instant?
        var joinBy: ContinuousClock.Instant?
        var joiners: [CheckedContinuation<BrokerError?, Never>] = []
        var leavers: [CheckedContinuation<Void, Never>] = []
    }

    /// How long a revocation waits for what is in hand.
    private static let patience = Duration.milliseconds(500)
    private static let commitInterval = Duration.milliseconds(50)
    private static let commitTime = Duration.seconds(1)
    private static let questionTime: Int32 = 3000

    let place: GroupPlace
    let topic: String
    private let allowed: Set<Int32>
    private let longestStall: Duration
    private let clock: RelayClock
    let logger: Logger
    private let standing: ClusterStanding
    let state: Mutex<State>
    let bell = Mailbox<Void>(capacity: 1)
    private let leave: @Sendable (KafkaSubscription) async -> Void
    let handle: KafkaHandle

    init(
        _ place: GroupPlace, number: UInt32, in cluster: KafkaConfiguration, credit: Int, handle: KafkaHandle,
        clock: RelayClock,
        standing: ClusterStanding, logger: Logger, leave: @escaping @Sendable (KafkaSubscription) async -> Void
    ) {
        self.place = place
        topic = cluster.layout.requestTopic(of: place)
        allowed = Set(cluster.layout.requestPartitions(of: place))
        longestStall = cluster.limits.longestStall
        self.handle = handle
        self.clock = clock
        self.standing = standing
        self.logger = logger
        self.leave = leave
        state = Mutex(State(book: SubscriptionBook(credit: credit, number: number)))
    }

    func next() async -> [GroupEvent]? {
        while true {
            let now = clock.now
            let (events, isOver, isBack) = state.withLock { state -> ([GroupEvent], Bool, Bool) in
                state.lastTake = .now
                let events = state.isClosed ? [] : state.book.take(now: now)
                state.isWaiting = events.isEmpty
                defer { state.isStalled = false }
                return (events, state.isClosed, state.isStalled)
            }
            if isBack { handle.perform { [self] thread in join(on: thread) } }
            if isOver { return nil }
            if !events.isEmpty { return events }
            guard await bell.take() != nil else { return nil }
        }
    }

    @discardableResult
    func complete(_ tokens: [DeliveryToken]) async throws(BrokerError) -> [DeliveryToken] {
        let (fenced, rings, wakes) = state.withLock { state -> ([DeliveryToken], Bool, Bool) in
            let fenced = state.isClosed ? tokens : state.book.complete(tokens)
            let isDue = state.commitAt == nil && fenced.count < tokens.count
            if isDue { state.commitAt = .now + Self.commitInterval }
            var isWaitedFor = false
            if case .revoking = state.phase, !state.book.isBusy { isWaitedFor = true }
            return (fenced, state.book.isReady, isDue || isWaitedFor)
        }
        if rings { bell.put(CollectionOfOne(())) }
        if wakes { handle.wake() }
        return fenced
    }

    @discardableResult
    func extend(_ tokens: [DeliveryToken]) async throws(BrokerError) -> [DeliveryToken] {
        state.withLock { $0.isClosed ? tokens : $0.book.fenced(tokens) }
    }

    func close() async { await leave(self) }

    /// Whether it was closed.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    // MARK: On the pump

    /// Takes records in; no others than those of a partition that is ours.
    func take(_ records: [FetchedRecord], from partition: Int32) {
        let now = clock.now
        let isReady = state.withLock { state in
            guard state.phase == .steady else { return false }
            state.book.receive(records, from: partition, for: place, now: now)
            if state.book.isDirty, state.commitAt == nil { state.commitAt = .now + Self.commitInterval }
            return state.book.isReady
        }
        if isReady { bell.put(CollectionOfOne(())) }
    }

    /// The group has shared its partitions anew.
    func rebalance(
        _ error: rd_kafka_resp_err_t, _ list: UnsafePointer<rd_kafka_topic_partition_list_t>?,
        on thread: borrowing BlockingThread
    ) {
        if error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, let list {
            let given = PartitionList(copying: list)
            let partitions = given.entries.map(\.partition).filter(allowed.contains)
            let number = state.withLock { state in
                state.assignment += 1
                state.phase = .assigning
                return state.assignment
            }
            logger.debug("Partitions given", metadata: ["topic": "\(topic)", "partitions": "\(partitions)"])
            handle.job { [self] thread in look(for: partitions, assignment: number, on: thread) }
        } else {
            let isLost = rd_kafka_assignment_lost(handle.raw) != 0
            let isWaiting = state.withLock { state in
                state.assignment += 1
                guard state.phase == .steady, !isLost else { return false }
                state.book.stop()
                state.phase = .revoking(until: .now + Self.patience)
                return true
            }
            logger.debug("Partitions taken", metadata: ["topic": "\(topic)", "lost": "\(isLost)"])
            if !isWaiting { giveUp() }
        }
    }

    /// Looks where the partitions begin, and what of them is finished; on a thread of its own.
    private func look(for partitions: [Int32], assignment: Int, on thread: borrowing BlockingThread) {
        for attempt in 1... {
            guard state.withLock({ $0.assignment == assignment }), !handle.isClosing else { return }
            do {
                let shares = try partitions.isEmpty ? [] : shares(of: partitions, on: thread)
                standing.noteAnswer()
                handle.perform { [self] thread in begin(shares, assignment: assignment, on: thread) }
                return
            } catch {
                standing.note(error)
                logger.log(
                    level: attempt == 1 ? .warning : .debug, "Offsets cannot be had",
                    metadata: ["topic": "\(topic)", "reason": "\(error)", "attempt": "\(attempt)"])
                usleep(200_000)
            }
        }
    }

    private func shares(
        of partitions: [Int32], on thread: borrowing BlockingThread
    ) throws(KafkaError) -> [SubscriptionBook.Share] {
        let list = PartitionList(topic, partitions)
        let error = rd_kafka_committed(handle.raw, list.raw, Self.questionTime)
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(error, "committed offsets") }
        var shares: [SubscriptionBook.Share] = []
        for entry in list.entries {
            guard entry.err == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(entry.err, "committed offset") }
            let ends = try PartitionEnds(PartitionID(topic: topic, number: entry.partition), of: handle.raw, on: thread)
            let finished = OffsetMetadata.decode(entry.metadataText, from: entry.offset)
            // Beyond the end is what a cluster that lost its disk has not any more.
            let isKnown = (ends.low...max(ends.low, ends.high)).contains(entry.offset)
            shares.append(
                .init(
                    partition: entry.partition, from: isKnown ? entry.offset : ends.low,
                    finished: isKnown ? finished : [], freshFrom: ends.high))
        }
        return shares
    }

    private func begin(
        _ shares: [SubscriptionBook.Share], assignment: Int, on thread: borrowing BlockingThread
    ) {
        let joiners: [CheckedContinuation<BrokerError?, Never>]? = state.withLock { state in
            guard state.assignment == assignment, state.phase == .assigning else { return nil }
            state.phase = .steady
            state.joinBy = nil
            state.isCommitting = false
            state.book.assign(shares)
            defer { state.joiners = [] }
            return state.joiners
        }
        guard let joiners else { return }
        let list = PartitionList()
        for share in shares { list.add(topic, share.partition, offset: share.from) }
        let error = rd_kafka_assign(handle.raw, list.raw)
        if error != RD_KAFKA_RESP_ERR_NO_ERROR {
            logger.warning("Partitions cannot be read", metadata: ["topic": "\(topic)", "error": "\(error.rawValue)"])
        }
        for joiner in joiners { joiner.resume(returning: nil) }
    }

    /// Does what is due; returns when it wants to be called again.
    func tend(on thread: borrowing BlockingThread) -> ContinuousClock.Instant? {
        let now = ContinuousClock.now
        enum Act { case none, giveUp, commit(last: Bool), stall, leave, giveUpJoining }
        let (act, next) = state.withLock { state -> (Act, ContinuousClock.Instant?) in
            if let limit = state.leaveBy, now >= limit {
                state.leaveBy = nil
                return (.leave, nil)
            }
            if let limit = state.joinBy, state.phase != .steady, now >= limit {
                state.joinBy = nil
                return (.giveUpJoining, nil)
            }
            switch state.phase {
            case .revoking(let until):
                guard !state.book.isBusy || now >= until else { return (.none, until) }
                guard state.book.isDirty else { return (.giveUp, nil) }
                state.phase = .committing(until: now + Self.commitTime)
                return (.commit(last: true), now + Self.commitTime)
            case .committing(let until): return now >= until ? (.giveUp, nil) : (.none, until)
            case .steady:
                if !state.isWaiting, !state.isStalled, state.book.isReady, now - state.lastTake > longestStall {
                    state.isStalled = true
                    return (.stall, nil)
                }
                guard let due = state.commitAt, !state.isCommitting else { return (.none, nil) }
                guard now >= due else { return (.none, due) }
                state.commitAt = nil
                return (.commit(last: false), nil)
            case .idle, .joining, .assigning:
                return (.none, [state.leaveBy, state.joinBy].compactMap { $0 }.min())
            }
        }
        switch act {
        case .none: pauseOrResume(on: thread)
        case .giveUp: giveUp()
        case .commit(let isLast): commit(isLast: isLast)
        case .stall:
            logger.warning("Nobody takes the group's records; others shall have them", metadata: ["topic": "\(topic)"])
            rd_kafka_unsubscribe(handle.raw)
        case .leave: settleLeaving()
        case .giveUpJoining: giveUpJoining()
        }
        return next
    }

    private func commit(isLast: Bool) {
        let commits = state.withLock { state in
            let commits = state.book.commits()
            state.isCommitting = !commits.isEmpty
            return commits
        }
        guard !commits.isEmpty else { return isLast ? giveUp() : () }
        let list = PartitionList()
        for commit in commits { list.add(topic, commit.partition, offset: commit.offset, metadata: commit.metadata) }
        let error = rd_kafka_commit_queue(handle.raw, list.raw, handle.queue, nil, nil)
        if error != RD_KAFKA_RESP_ERR_NO_ERROR { committed(error) }
    }

    /// The cluster's word on the commit that was on its way.
    func committed(_ error: rd_kafka_resp_err_t) {
        let isLast = state.withLock { state in
            state.isCommitting = false
            if error != RD_KAFKA_RESP_ERR_NO_ERROR, error != RD_KAFKA_RESP_ERR__NO_OFFSET {
                state.book.recommit()
            }
            if state.book.isDirty, state.commitAt == nil { state.commitAt = .now + Self.commitInterval }
            if case .committing = state.phase { return true }
            return false
        }
        if error == RD_KAFKA_RESP_ERR_NO_ERROR {
            standing.noteAnswer()
        } else {
            logger.debug("Offsets not committed", metadata: ["topic": "\(topic)", "error": "\(error.rawValue)"])
        }
        if isLast { giveUp() }
    }

    /// Gives the partitions up, and goes on as a member unless it is leaving.
    private func giveUp() {
        let isLeaving = state.withLock { state in
            state.book.revoke()
            let isOver = state.isLeaving || state.isStalled
            state.phase = isOver ? .idle : .joining
            state.commitAt = nil
            state.isCommitting = false
            return state.isLeaving
        }
        rd_kafka_assign(handle.raw, nil)
        bell.put(CollectionOfOne(()))
        if isLeaving { settleLeaving() }
    }

    private func pauseOrResume(on thread: borrowing BlockingThread) {
        let (pause, resume) = state.withLock { $0.phase == .steady ? $0.book.pauses() : ([], []) }
        if !pause.isEmpty { rd_kafka_pause_partitions(handle.raw, PartitionList(topic, pause).raw) }
        if !resume.isEmpty { rd_kafka_resume_partitions(handle.raw, PartitionList(topic, resume).raw) }
    }
}
