import RelayDelivery
import RelayFormat

/// What is promised, held against what happened.
extension RelayModel {
    static let deadlineSlack = 500

    func judge() {
        for (id, request) in asked.sorted(by: { $0.key.low < $1.key.low }) {
            let name = "request \(id.low) (\(request.requestClass)\(request.isDurable ? ", durable" : ""))"
            if request.requestClass == .once, request.executions.count > 1 {
                violate("\(name) was executed \(request.executions.count) times")
            }
            if request.answers.count > 1 { violate("\(name) has \(request.answers.count) answers") }
            judgePresence(of: request, id, name)
            let endings = [
                request.answers.first?.ending, request.resolution, ledger.firstEndings[id], ledger.requests[id]?.ending,
            ]
            for case let ending? in endings { judge(ending, of: request, id, name) }
            judgeResolution(of: request, id, name)
        }
        if isTraced { trace() }
        guard let dispatcher, dispatcher.isAlive else { return violate("there is no dispatcher in the end") }
        for rest in dispatcher.remains { violate("the dispatcher still has \(rest)") }
        for connector in connectors where connector.isAlive && connector.table.count > 0 {
            let isDue = asked.values.allSatisfy { now.wall > $0.deadline + .seconds(2) }
            if isDue { violate("connector \(connector.index) still has \(connector.table.count) requests") }
        }
    }

    /// Each call whose dispatcher lasted has an answer, and so has each submission; safe work that had time has a result.
    private func judgePresence(of request: Asked, _ id: RequestID, _ name: String) {
        let ending = request.isDurable ? ledger.requests[id]?.ending : request.answers.first?.ending
        guard let ending else {
            // What a dispatcher was killed before it took in was never accepted.
            let isOpen = request.isDurable ? ledger.requests[id] != nil : request.origin == dispatcher?.boot
            if isOpen { violate("\(name) has no end") }
            return
        }
        if dispatcherCrashes == 0, ending.at > request.deadline + .milliseconds(Self.deadlineSlack + disorder),
            ledger.firstEndings[id] == nil
        {
            violate("\(name) was answered \(ending.at - request.deadline) after its deadline")
        }
        guard request.requestClass != .once, request.window >= 35_000, !request.isExcused,
            case .failed(let failure) = ending.outcome, failure.code != .targetFailed
        else { return }
        violate("\(name) had time and a lasting connector, and ended as \(failure)")
    }

    /// Nothing is said that is not true.
    private func judge(_ ending: RequestEnding, of request: Asked, _ id: RequestID, _ name: String) {
        switch ending.outcome {
        case .http(let content):
            if content.body != Array("\(id.low)".utf8)[...] { violate("\(name) has another's answer") }
            if request.executions.isEmpty { violate("\(name) was answered and never executed") }
        case .failed(let failure):
            switch failure.code {
            case .outcomeUnknown: break
            case .targetFailed, .deadLetter:
                if request.executions.isEmpty { violate("\(name) ended as \(failure) and was never executed") }
            default:
                if request.requestClass != .safe, !request.executions.isEmpty {
                    violate("\(name) ended as \(failure) and was executed")
                }
            }
        }
    }

    /// What ended as unknown, and finished where the journal kept it, is known in the end.
    private func judgeResolution(of request: Asked, _ id: RequestID, _ name: String) {
        let ending =
            request.isDurable ? ledger.requests[id]?.ending : request.resolution ?? request.answers.first?.ending
        guard let ending, ending.isUnknown, request.requestClass == .once, !request.isExcused,
            request.isDurable || dispatcherCrashes == 0, let member = request.finished.first,
            !powerCuts.contains(member), !doubled.contains(member),
            connectors.contains(where: { $0.member == member && $0.isAlive && $0.isLinked && $0.journal != nil })
        else { return }
        violate("\(name) finished, its connector is back, and its outcome is still unknown")
    }

    /// Prints what the ledger has of each request, for whoever looks for the reason of a violation.
    private func trace() {
        for (id, request) in asked.sorted(by: { $0.key.low < $1.key.low }) {
            let executions = request.executions.map { "\($0.boot.high).\($0.boot.low) at \($0.at)" }
            print("request \(id.low) \(request.requestClass): executed by \(executions)")
            for (ending, _) in request.answers { print("    answered \(ending.outcome)") }
            let events = ledger.requests[id]?.events ?? lives[id] ?? []
            for event in events {
                let time = Int(event.at.milliseconds) - 1_000_000_000
                print("    \(time) \(event.kind) \(event.attempt) \(event.connector) \(event.detail)")
            }
        }
    }
}
