import RelayDelivery
import RelayFormat

/// The ledger of the model: what is on the disk, over all starts of the dispatcher.
struct ModelLedger {
    private(set) var requests: [RequestID: DurableRequest] = [:]
    /// How each request was first said to have ended.
    private(set) var firstEndings: [RequestID: RequestEnding] = [:]
    var boots: UInt64 = 0

    mutating func insert(_ request: DurableRequest) { requests[request.id] = request }

    /// Writes changes down; what must not be written is returned.
    mutating func record(_ changes: [LedgerChange]) -> [String] {
        var violations: [String] = []
        for change in changes {
            guard var request = requests[change.id] else { continue }
            let name = "request \(change.id.low)"
            switch (request.ending, change.ending) {
            case (nil, _): break
            case (_?, nil): violations.append("\(name) was opened again by \(change.events.map(\.kind))")
            case (let former?, _?):
                if !former.isUnknown { violations.append("\(name) ended a second time") }
            }
            if let ending = change.ending, firstEndings[change.id] == nil { firstEndings[change.id] = ending }
            if change.progress.requestClass < request.progress.requestClass {
                violations.append("\(name) became less strict")
            }
            request.progress = change.progress
            request.ending = change.ending
            request.events += change.events
            requests[change.id] = request
        }
        return violations
    }

    var unfinished: [DurableRequest] {
        requests.values.filter { $0.ending == nil || $0.isUnresolved }.sorted { $0.id.low < $1.id.low }
    }
}
