internal import Metrics
internal import RelayFormat

/// The dispatcher's metrics; labels come from closed sets.
struct DispatcherMetrics: Sendable {
    /// Replies that came when they could not count any more.
    let late: Counter
    private let duration: Timer
    private let answered: Counter
    private let failed: [RequestFailure.Code: Counter]

    init(tenant: String) {
        let dimensions = [("tenant", tenant)]
        late = Counter(label: "postern_dispatcher_late_replies_total", dimensions: dimensions)
        duration = Timer(label: "postern_dispatcher_call_seconds", dimensions: dimensions)
        answered = Counter(label: "postern_dispatcher_calls_total", dimensions: dimensions + [("outcome", "answered")])
        var failed: [RequestFailure.Code: Counter] = [:]
        for code in RequestFailure.Code.allCases {
            failed[code] = Counter(
                label: "postern_dispatcher_calls_total", dimensions: dimensions + [("outcome", code.name)])
        }
        self.failed = failed
    }

    func finished(_ outcome: ResponseMessage.Outcome, in time: Duration) {
        duration.record(duration: time)
        switch outcome {
        case .http: answered.increment()
        case .failed(let failure): failed[failure.code]?.increment()
        }
    }
}
