import RelayDelivery
import RelayFormat
import TestTools
import Testing

@Suite("The queue of deadlines")
struct DeadlineQueueTests {
    private func time(_ milliseconds: UInt64) -> RelayTime { RelayTime(milliseconds: milliseconds) }

    @Test("keys come due in the order of their deadlines, each once")
    func order() {
        var queue = DeadlineQueue<Int>()
        for key in [5, 1, 4, 2, 3] { queue.set(time(UInt64(key) * 10), for: key) }
        #expect(queue.earliest == time(10))
        #expect(queue.takeDue(at: time(9)).isEmpty)
        #expect(queue.takeDue(at: time(30)) == [1, 2, 3])
        #expect(queue.takeDue(at: time(30)).isEmpty)
        #expect(queue.count == 2)
        #expect(queue.takeDue(at: .never) == [4, 5])
        #expect(queue.earliest == nil)
    }

    @Test("a new deadline replaces the old one, earlier or later")
    func replacing() {
        var queue = DeadlineQueue<Int>()
        queue.set(time(10), for: 1)
        queue.set(time(50), for: 1)
        #expect(queue.takeDue(at: time(20)).isEmpty)
        queue.set(time(30), for: 1)
        #expect(queue.takeDue(at: time(30)) == [1])
        #expect(queue.takeDue(at: time(60)).isEmpty)
        queue.set(time(10), for: 2)
        queue.set(time(50), for: 2)
        queue.set(time(10), for: 2)
        #expect(queue.takeDue(at: time(100)) == [2])
    }

    @Test("a removed key never comes due")
    func removing() {
        var queue = DeadlineQueue<Int>()
        queue.set(time(10), for: 1)
        queue.set(time(20), for: 2)
        queue.remove(1)
        queue.remove(99)
        #expect(queue.count == 1)
        #expect(queue.takeDue(at: .never) == [2])
    }

    @Test("against a plain dictionary, over many random operations, nothing differs")
    func model() {
        var generator = SplitMix(seed: 42)
        var queue = DeadlineQueue<Int>()
        var model: [Int: UInt64] = [:]
        var now: UInt64 = 0
        for _ in 0..<50_000 {
            let key = Int.random(in: 0..<50, using: &generator)
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<6:
                let deadline = now + UInt64.random(in: 0..<100, using: &generator)
                queue.set(time(deadline), for: key)
                model[key] = deadline
            case 6..<9:
                queue.remove(key)
                model[key] = nil
            default:
                now += UInt64.random(in: 0..<20, using: &generator)
                let due = queue.takeDue(at: time(now))
                #expect(Set(due) == Set(model.filter { $0.value <= now }.keys))
                #expect(due.count == Set(due).count)
                model = model.filter { $0.value > now }
            }
            #expect(queue.count == model.count)
        }
        if let earliest = queue.earliest, let true_ = model.values.min() { #expect(earliest <= time(true_)) }
    }
}
