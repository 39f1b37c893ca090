import Foundation
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

/// The callers of a fault test: they send requests of all classes, and keep account of every one.
final class Load: Sendable {
    /// What a request asks for beside its class.
    struct Order: Sendable {
        var work: Duration = .zero
        var deadline: Duration = .seconds(30)
        var body: String?
        var query = ""
        /// Submits it instead of calling.
        var isDurable = false
        /// For how long a submission waits for a connector; nil until its deadline.
        var parking: Duration?
    }

    private let site: Site
    private let label: String
    private let repeats: Bool
    private let number = Atomic<Int>(0)
    private let finished = Mutex<[RequestTrace]>([])
    private let isStopped = Atomic<Bool>(false)

    /// Callers of a site whose requests have paths with this label.
    ///
    /// - Parameter repeats: whether they send again what may run twice when the tenant's end of their connection is lost.
    init(_ site: Site, _ label: String, repeats: Bool = false) {
        self.site = site
        self.label = label
        self.repeats = repeats
    }

    /// All requests that have ended.
    var traces: [RequestTrace] { finished.withLock { $0 } }

    /// Sends one request and waits for what becomes of it.
    @discardableResult
    func send(_ kind: RequestTrace.Kind, _ order: Order = Order()) async -> RequestTrace {
        let index = number.wrappingAdd(1, ordering: .relaxed).oldValue
        let begun = ContinuousClock.now
        let path = "/open/\(label)-\(kind.rawValue)-\(index)"
        if order.isDurable {
            let trace = await Submitter(site: site).submit(path, kind, order)
            finished.withLock { $0.append(trace) }
            return trace
        }
        var trace = await attempt(path, kind, order)
        // A caller may repeat what may run twice when it was cut off; a minute is enough for the tenant to come back.
        while repeats, kind != .once, trace.verdict == .cutOff, ContinuousClock.now - begun < .seconds(60),
            !Task.isCancelled
        {
            try? await Task.sleep(for: .milliseconds(200))
            trace = await attempt(path, kind, order)
        }
        trace.sent = begun
        let result = trace
        finished.withLock { $0.append(result) }
        return result
    }

    private func attempt(_ path: String, _ kind: RequestTrace.Kind, _ order: Order) async -> RequestTrace {
        let headers = [("postern-deadline", "\(order.deadline.milliseconds)ms")]
        var trace = RequestTrace(
            path: path, kind: kind, work: order.work, sent: .now, ended: .now, verdict: .cutOff)
        do {
            let answer = try await site.http(
                kind.method, "/v1/groups/site/services/app\(path)?hold=\(order.work.milliseconds)\(order.query)",
                headers: headers, body: order.body,
                timeout: .milliseconds(Int64(order.deadline.milliseconds) + 30_000))
            trace.status = answer.status
            trace.attempt = answer.headers.first(name: "postern-attempt").flatMap { Int($0) } ?? 0
            trace.size = answer.text.utf8.count
            trace.detail = String(answer.text.prefix(300))
            trace.verdict = Self.verdict(of: answer, path: path, hasOwnBody: !order.query.isEmpty)
        } catch {
            trace.detail = "\(error)"
        }
        trace.ended = .now
        return trace
    }

    /// Sends so many requests at once, of all classes in turn unless some are named, and waits for all of them.
    @discardableResult
    func burst(
        _ count: Int, of kinds: [RequestTrace.Kind] = RequestTrace.Kind.allCases, _ order: Order = Order()
    ) async -> [RequestTrace] {
        await withTaskGroup(of: RequestTrace.self) { group in
            for index in 0..<count { group.addTask { await self.send(kinds[index % kinds.count], order) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Keeps so many requests under way until `stop`, or until the test has failed and cancels it.
    func stream(
        _ callers: Int, of kinds: [RequestTrace.Kind] = RequestTrace.Kind.allCases, every pause: Duration = .zero,
        _ order: Order = Order()
    ) async {
        await withDiscardingTaskGroup { group in
            for caller in 0..<callers {
                group.addTask {
                    var turn = caller
                    while !self.isStopped.load(ordering: .relaxed), !Task.isCancelled {
                        await self.send(kinds[turn % kinds.count], order)
                        turn += 1
                        if pause > .zero { try? await Task.sleep(for: pause) }
                    }
                }
            }
        }
    }

    /// Lets the streams end once their requests have.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    private static func verdict(of answer: Site.Answer, path: String, hasOwnBody: Bool) -> RequestTrace.Verdict {
        if answer.status == 200 {
            return hasOwnBody || answer.text == "served \(path)" ? .answered : .refused("another request's answer")
        }
        return answer.problem == "outcome_unknown" ? .unknown : .refused(answer.problem ?? "status \(answer.status)")
    }
}

extension Duration {
    /// In whole milliseconds.
    var milliseconds: Int { Int(self / .milliseconds(1)) }
}
