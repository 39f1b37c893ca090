internal import Metrics

/// The connector's metrics; labels come from closed sets.
struct ConnectorMetrics: Sendable {
    /// Requests that were finished, with whatever outcome.
    let finished: Counter

    init(connector: String) {
        finished = Counter(label: "postern_connector_requests_finished_total", dimensions: [("connector", connector)])
    }
}
