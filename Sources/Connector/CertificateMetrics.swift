public import Foundation
internal import Metrics

/// The metrics of the connector's certificate; times are seconds since 1970.
public struct CertificateMetrics: Sendable {
    /// How a renewal went.
    public enum Outcome: String, Sendable, CaseIterable {
        case renewed, recovered, failed
    }

    private let notAfter: Gauge
    private let renewAt: Gauge
    private let recoveryEnds: Gauge
    private let generation: Gauge
    private let renewals: [Outcome: Counter]

    /// Makes the handles of a connector.
    public init(connector: String) {
        let dimensions = [("connector", connector)]
        notAfter = Gauge(label: "postern_connector_certificate_not_after_seconds", dimensions: dimensions)
        renewAt = Gauge(label: "postern_connector_certificate_renew_at_seconds", dimensions: dimensions)
        recoveryEnds = Gauge(label: "postern_connector_certificate_recovery_ends_seconds", dimensions: dimensions)
        generation = Gauge(label: "postern_connector_certificate_generation", dimensions: dimensions)
        renewals = Dictionary(
            uniqueKeysWithValues: Outcome.allCases.map { outcome in
                (
                    outcome,
                    Counter(
                        label: "postern_connector_renewals_total",
                        dimensions: dimensions + [("outcome", outcome.rawValue)])
                )
            })
    }

    /// Says which certificate is in use.
    public func tell(generation: Int, notAfter: Date, renewAt: Date, recoveryEnds: Date) {
        self.generation.record(generation)
        self.notAfter.record(notAfter.timeIntervalSince1970)
        self.renewAt.record(renewAt.timeIntervalSince1970)
        self.recoveryEnds.record(recoveryEnds.timeIntervalSince1970)
    }

    /// Counts an attempt to renew.
    public func count(_ outcome: Outcome) { renewals[outcome]?.increment() }
}
