import RelayDelivery
import RelayFormat
import TestTools

/// A whole relay in one thread and in no time.
///
/// One dispatcher with its ledger, several connectors with their journals, and a broker and a network that delay, lose,
/// repeat and reorder. What happens follows from the seed alone; dictionaries differ from process to process, so a seed
/// repeats exactly only with `SWIFT_DETERMINISTIC_HASHING=1`.
final class RelayModel {
    /// What was asked, and what became of it.
    struct Asked {
        var requestClass: RequestClass
        var deadline: RelayTime
        var window: Int
        var isDurable: Bool
        /// The process of the dispatcher that took a call; it goes with that.
        var origin: BootID?
        var answers: [(ending: RequestEnding, at: RelayTime)] = []
        var resolution: RequestEnding?
        var executions: [(member: MemberID, boot: BootID, at: Int)] = []
        /// Where it has finished, and the journal has that.
        var finished: [MemberID] = []
        var grants: [UInt32: BootID] = [:]
        var isExcused = false
    }

    /// How often the network does what to a message, in percent.
    private struct Weather {
        var loss: Int
        var delay: Int
        var repetition: Int
    }

    private struct Event {
        var time: Int
        var number: Int
        var work: () -> Void
    }

    static let group = GroupID(high: 1, low: 1)

    let seed: UInt64
    var random: SplitMix
    /// Milliseconds since the beginning.
    private(set) var time = 0
    private var events: [Event] = []
    private var scheduled = 0
    private let start = ContinuousClock.now
    private let weather: Weather
    private var wallStep = 0
    /// By how much the tenant's clock was set, and the dispatcher was held up, in all.
    private(set) var disorder = 0

    var dispatcher: ModelDispatcher?
    var ledger = ModelLedger()
    var connectors: [ModelConnector] = []
    var queue = ModelQueue()
    var asked: [RequestID: Asked] = [:]
    var powerCuts: Set<MemberID> = []
    /// The connectors of which two processes ran at a time, with one journal.
    var doubled: Set<MemberID> = []
    var dispatcherCrashes = 0
    private var lastEvent = 0
    /// What went against the promises.
    private(set) var violations: [String] = []

    /// Whether the life of each request is printed in the end.
    let isTraced: Bool
    /// The lives of calls that have ended.
    var lives: [RequestID: [RequestEvent]] = [:]

    init(seed: UInt64, isTraced: Bool = false) {
        self.seed = seed
        self.isTraced = isTraced
        random = SplitMix(seed: seed)
        weather = Weather(
            loss: Int.random(in: 0...3, using: &random), delay: Int.random(in: 0...30, using: &random),
            repetition: Int.random(in: 0...40, using: &random))
    }

    var now: Moment {
        Moment(
            wall: RelayTime(milliseconds: UInt64(1_000_000_000 + time + wallStep)),
            steady: start + .milliseconds(time))
    }

    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    /// Lets something happen later; what is due at the same time happens in the order in which it was scheduled.
    func after(_ delay: Int, _ work: @escaping () -> Void) {
        scheduled += 1
        let event = Event(time: time + delay, number: scheduled, work: work)
        var (low, high) = (0, events.count)
        while low < high {
            let middle = (low + high) / 2
            if events[middle].time > event.time { low = middle + 1 } else { high = middle }
        }
        events.insert(event, at: low)
    }

    /// Sends over the network: late, sometimes never, sometimes twice.
    func transmit(_ deliver: @escaping () -> Void) {
        guard !chance(weather.loss) else { return }
        after(chance(weather.delay) ? draw(1...800) : draw(1...15), deliver)
        if chance(weather.repetition) { after(draw(1...4000), deliver) }
    }

    func violate(_ text: String) { violations.append("\(text) at \(time) ms") }

    // MARK: The run

    /// Plays the schedule of the seed.
    func run() {
        dispatcher = ModelDispatcher(self)
        for index in 0..<draw(2...4) {
            start(ModelConnector(self, index: index, number: 1, journal: chance(75) ? ModelJournal() : nil))
        }
        queue.watchLeases(in: self)
        for number in 0..<draw(5...25) { after(draw(0...10_000)) { self.ask(number) } }
        for _ in 0..<draw(0...6) { after(draw(500...12_000)) { self.disturb() } }
        while let event = events.popLast(), event.time <= 140_000 {
            time = max(time, event.time)
            event.work()
            if scheduled % 64 == 0, isQuiet { break }
        }
        judge()
    }

    /// Whether long enough after the last answer nothing is under way any more.
    private var isQuiet: Bool {
        guard let dispatcher, dispatcher.isAlive, time > 13_000 else { return false }
        guard time > max(lastEvent, dispatcher.sleepsUntil) + 9000, dispatcher.isIdle else { return false }
        // What may still be resolved is asked for every half minute.
        return dispatcher.unresolved == 0 || time > lastEvent + 100_000
    }

    func start(_ connector: ModelConnector) {
        connectors.append(connector)
        connector.keepTime()
        queue.pump(in: self)
    }

    private func ask(_ number: Int) {
        guard let dispatcher, dispatcher.isAlive else { return after(300) { self.ask(number) } }
        let id = RequestID(high: 5, low: UInt64(number))
        let requestClass: RequestClass = chance(35) ? .safe : chance(60) ? .once : .keyed
        let window = chance(40) ? draw(200...3000) : 35_000
        let deadline = now.wall + .milliseconds(window)
        let isDurable = chance(50)
        asked[id] = Asked(requestClass: requestClass, deadline: deadline, window: window, isDurable: isDurable)
        let request = DurableRequest(
            id: id, tenant: .none, group: Self.group, groupName: "", service: "web", caller: "", idempotencyKey: nil,
            fingerprint: [], operation: .http(.init(method: "GET", target: "/", headers: [], body: [])),
            parkUntil: isDurable ? deadline : RelayTime(milliseconds: 0), submittedAt: now.wall, webhook: nil,
            progress: RequestProgress(
                standing: .waiting, requestClass: requestClass, attempt: 0, losses: 0, deadline: deadline, holder: nil),
            events: [RequestEvent(at: now.wall, .submitted)])
        dispatcher.submit(request, isDurable: isDurable)
        if chance(8) { after(draw(0...3000)) { self.dispatcher?.cancel(id) } }
        if chance(5) { after(draw(0...3000)) { self.dispatcher?.abandon(id) } }
    }

    /// Something bad; never to the first connector, which lasts.
    private func disturb() {
        lastEvent = time
        let victims = connectors.filter { $0.index > 0 && $0.isAlive }
        let victim = victims.randomElement(using: &random)
        switch draw(0...12) {
        case 0...2: victim?.crash()
        case 3, 4: victim?.cut(for: draw(10...6000))
        case 5: victim?.sleep(for: draw(500...12_000))
        case 6: victim?.drain()
        case 7:
            let sleep = draw(300...6000)
            dispatcher?.sleep(for: sleep)
            disorder += sleep
        case 8: step(by: draw(-1500...1500))
        case 9, 10: crashDispatcher()
        case 11: victim?.double()
        default:
            victim?.cut(for: draw(10...500))
            victims.randomElement(using: &random)?.crash()
        }
    }

    func crashDispatcher() {
        guard let dispatcher, dispatcher.isAlive else { return }
        dispatcher.crash()
    }

    private func step(by milliseconds: Int) {
        wallStep += milliseconds
        disorder += abs(milliseconds)
    }

    // MARK: What is seen

    func answered(
        _ submission: ModelDispatcher.Machine.Submission, _ ending: RequestEnding, _ events: [RequestEvent]
    ) {
        lastEvent = time
        lives[submission.id] = events
        asked[submission.id]?.answers.append((ending, now.wall))
        if submission.isDurable, ledger.requests[submission.id]?.ending == nil {
            violate("request \(submission.id.low) was answered before the ledger had its end")
        }
    }

    func resolved(
        _ submission: ModelDispatcher.Machine.Submission, _ ending: RequestEnding, _ events: [RequestEvent]
    ) {
        lives[submission.id] = events
        if asked[submission.id]?.resolution != nil, !submission.isDurable {
            violate("request \(submission.id.low) was resolved twice")
        }
        asked[submission.id]?.resolution = ending
    }

    func granted(_ name: DispatchName, to boot: BootID) {
        guard let known = asked[name.request] else { return }
        if let other = known.grants[name.attempt], other != boot, known.requestClass == .once {
            violate("request \(name.request.low), attempt \(name.attempt), was granted to two processes")
        }
        asked[name.request]?.grants[name.attempt] = boot
    }

    func executed(_ dispatch: ModelConnector.Table.Dispatch, by connector: ModelConnector) {
        guard let known = asked[dispatch.id] else { return violate("a request that nobody asked was executed") }
        let name = "request \(dispatch.id.low) (\(known.requestClass))"
        // What is safe is forgotten at its deadline, and may run again when the clock is set back then.
        if known.requestClass != .safe, known.executions.contains(where: { $0.boot == connector.boot }) {
            violate("\(name) was executed twice by one process")
        }
        if dispatch.attempt <= connector.promised[dispatch.id] ?? 0 {
            violate("\(name) was executed where that had been promised not to happen")
        }
        if let journal = connector.journal, dispatch.requestClass != .safe, !doubled.contains(connector.member) {
            let state = journal.find(dispatch.id)?.state
            if state != .started, state != .claimed { violate("\(name) was executed before the journal had it") }
        }
        let isRepeated = known.finished.contains(connector.member) && !powerCuts.contains(connector.member)
        if known.requestClass != .safe, isRepeated { violate("\(name) was executed again where it had finished") }
        asked[dispatch.id]?.executions.append((connector.member, connector.boot, time))
    }

    func finished(_ dispatch: ModelConnector.Table.Dispatch, by connector: ModelConnector) {
        asked[dispatch.id]?.finished.append(connector.member)
    }
}
