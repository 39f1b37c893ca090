internal import Metrics

/// How a connector stands, as metrics; told when somebody reads them.
public struct StatusMetrics: Sendable {
    private let states: [ConnectorStatus.State: Gauge]
    private let inFlight: Gauge
    private let roundTrip: Gauge
    private let roundTripAge: Gauge
    private let journalRows: Gauge
    private let journalBytes: Gauge
    private let clockAhead: Gauge
    private let certificateTrouble: Gauge

    /// Makes the handles of a connector.
    public init(connector: String) {
        let dimensions = [("connector", connector)]
        states = Dictionary(
            uniqueKeysWithValues: ConnectorStatus.State.allCases.map { state in
                (
                    state,
                    Gauge(label: "postern_connector_state", dimensions: dimensions + [("state", state.rawValue)])
                )
            })
        func gauge(_ name: String) -> Gauge { Gauge(label: "postern_connector_\(name)", dimensions: dimensions) }
        inFlight = gauge("requests_in_flight")
        roundTrip = gauge("round_trip_seconds")
        roundTripAge = gauge("round_trip_age_seconds")
        journalRows = gauge("journal_requests")
        journalBytes = gauge("journal_bytes")
        clockAhead = gauge("clock_ahead_seconds")
        certificateTrouble = gauge("certificate_trouble")
    }

    /// Records a status: of its states one is 1, the others 0.
    public func tell(_ status: ConnectorStatus) {
        for (state, gauge) in states { gauge.record(state == status.state ? 1 : 0) }
        inFlight.record(status.inFlight)
        if let trip = status.lastRoundTrip {
            roundTrip.record(trip.milliseconds / 1000)
            roundTripAge.record(trip.ageSeconds)
        }
        if let journal = status.journal {
            journalRows.record(journal.rows)
            journalBytes.record(journal.bytes)
        }
        clockAhead.record(status.clockDriftSeconds)
        certificateTrouble.record(status.certificate?.trouble == nil ? 0 : 1)
    }
}
