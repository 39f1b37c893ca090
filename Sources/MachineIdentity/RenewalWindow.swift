public import struct Foundation.Date

/// When a certificate is to be renewed: at two thirds of its life, spread by ±10 % so that a fleet does not come at once.
public struct RenewalWindow: Sendable, Equatable {
    /// When the certificate begins to be valid.
    public let notBefore: Date
    /// When it ends.
    public let notAfter: Date

    /// Makes the window of a certificate.
    public init(notBefore: Date, notAfter: Date) {
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// The moment to renew at, for a jitter between -1 (early) and 1 (late).
    public func renewAt(jitter: Double = 0) -> Date {
        let life = max(0, notAfter.timeIntervalSince(notBefore))
        let bounded = min(1, max(-1, jitter))
        return notBefore.addingTimeInterval(life * 2 / 3 + life / 10 * bounded)
    }
}
