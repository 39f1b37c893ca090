import RelayDelivery
import RelayFormat
import TestTools

/// A whole relay in one thread and in no time.
///
/// One dispatcher's machine, several connectors' tables, and a broker and a network that delay, lose, repeat and
/// reorder. What happens follows from the seed alone; dictionaries differ from process to process, so a seed repeats
/// exactly only with `SWIFT_DETERMINISTIC_HASHING=1`.
final class RelayModel {
    /// What was asked, and what became of it.
    struct Asked {
        var requestClass: RequestClass
        var deadline: RelayTime
        var window: Int
        var answers: [(outcome: ResponseMessage.Outcome, at: RelayTime)] = []
        var executions = 0
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
    static let deadlineSlack = 250

    let seed: UInt64
    var random: SplitMix
    /// Milliseconds since the beginning.
    private(set) var time = 0
    private var events: [Event] = []
    private var scheduled = 0
    private let start = ContinuousClock.now
    private let weather: Weather
    private var wallStep = 0
    private var stepped = 0

    var machine: DispatchMachine<Int>
    var dispatcherSleepsUntil = 0
    var slept = 0
    let origin = BootID(high: 3, low: 3)
    var connectors: [ModelConnector] = []
    var queue = ModelQueue()
    var asked: [RequestID: Asked] = [:]
    var lastAnswer = 0
    /// What went against the promises.
    var violations: [String] = []

    init(seed: UInt64) {
        self.seed = seed
        random = SplitMix(seed: seed)
        machine = DispatchMachine(limits: DispatchLimits(attempts: 8), now: start)
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
        for index in 0..<draw(2...4) { start(ModelConnector(self, index: index, number: 1)) }
        beatDispatcher()
        tickDispatcher()
        queue.watchLeases(in: self)
        for number in 0..<draw(5...25) { after(draw(0...10_000)) { self.ask(number) } }
        for _ in 0..<draw(0...5) { after(draw(500...12_000)) { self.disturb() } }
        while let event = events.popLast(), event.time <= 80_000 {
            time = max(time, event.time)
            event.work()
            // Long enough after the last answer for whatever is still under way.
            let isQuiet = time > 10_000 && time > max(lastAnswer, dispatcherSleepsUntil) + 9000
            if isQuiet, machine.count == 0 { break }
        }
        judge()
    }

    func start(_ connector: ModelConnector) {
        connectors.append(connector)
        connector.keepTime()
        queue.pump(in: self)
    }

    private func ask(_ number: Int) {
        let id = RequestID(high: 5, low: UInt64(number))
        let requestClass: RequestClass = chance(50) ? .safe : chance(70) ? .once : .keyed
        let window = chance(40) ? draw(200...3000) : 35_000
        let deadline = now.wall + .milliseconds(window)
        asked[id] = Asked(requestClass: requestClass, deadline: deadline, window: window)
        whenDispatcherWakes { [self] in
            act(
                on: machine.submit(
                    .init(
                        id: id, group: Self.group, service: "web", requestClass: requestClass, deadline: deadline),
                    number, at: now))
        }
    }

    /// Something bad; never to the first connector, which lasts.
    private func disturb() {
        let victims = connectors.filter { $0.index > 0 && $0.isAlive }
        let victim = victims.randomElement(using: &random)
        switch draw(0...9) {
        case 0...2: victim?.crash()
        case 3, 4: victim?.cut(for: draw(10...6000))
        case 5: victim?.sleep(for: draw(500...12_000))
        case 6: victim?.drain()
        case 7:
            let sleep = draw(300...6000)
            dispatcherSleepsUntil = max(dispatcherSleepsUntil, time + sleep)
            slept += sleep
        case 8: step(by: draw(-1500...1500))
        default:
            victim?.cut(for: draw(10...500))
            victims.randomElement(using: &random)?.crash()
        }
    }

    private func step(by milliseconds: Int) {
        wallStep += milliseconds
        stepped += abs(milliseconds)
    }

    // MARK: The verdict

    private func judge() {
        for (id, request) in asked.sorted(by: { $0.key.low < $1.key.low }) {
            let name = "request \(id.low) (\(request.requestClass))"
            guard let answer = request.answers.first, request.answers.count == 1 else {
                violate("\(name) has \(request.answers.count) answers")
                continue
            }
            let slack = Self.deadlineSlack + slept + stepped
            if answer.at > request.deadline + .milliseconds(slack) {
                violate("\(name) was answered \(answer.at - request.deadline) after its deadline")
            }
            if request.requestClass != .safe, request.executions > 1 {
                violate("\(name) was executed \(request.executions) times")
            }
            switch answer.outcome {
            case .http(let content):
                if content.body != Array("\(id.low)".utf8)[...] { violate("\(name) has another's answer") }
                if request.executions == 0 { violate("\(name) was answered and never executed") }
            case .failed(let failure):
                if request.requestClass != .safe, failure.code != .outcomeUnknown, request.executions > 0 {
                    violate("\(name) ended as \(failure) and was executed")
                }
                if request.requestClass == .safe, request.window >= 35_000, !request.isExcused {
                    violate("\(name) had time and a lasting connector, and ended as \(failure)")
                }
            }
        }
        if machine.count > 0 { violate("\(machine.count) requests are still in the machine") }
    }
}
