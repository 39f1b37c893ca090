internal import Metrics

/// The connector's metrics; labels come from closed sets.
struct ConnectorMetrics: Sendable {
    /// Requests that were finished, with whatever outcome.
    let finished: Counter
    /// Records that were not for us, or not of the protocol.
    let refused: Counter

    init(connector: String) {
        finished = Counter(label: "postern_connector_requests_finished_total", dimensions: [("connector", connector)])
        refused = Counter(label: "postern_connector_records_refused_total", dimensions: [("connector", connector)])
    }
}
