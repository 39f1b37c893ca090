/// One request of a fault test, and what became of it.
struct RequestTrace: Sendable {
    /// The side-effect classes, as callers state them.
    enum Kind: String, Sendable, CaseIterable {
        case safe, keyed, once

        /// The method that has this class by itself.
        var method: String {
            switch self {
            case .safe: "GET"
            case .keyed: "PUT"
            case .once: "POST"
            }
        }
    }

    /// What the caller was told.
    enum Verdict: Sendable, Equatable {
        /// The service's own answer.
        case answered
        /// A definite refusal, with its code.
        case refused(String)
        /// That nobody knows.
        case unknown
        /// Nothing: its connection to the tenant ended.
        case cutOff
    }

    /// Where the service is asked; no two requests of a site have the same.
    var path: String
    var kind: Kind
    /// Whether it was submitted: kept on disk by the tenant, its result asked for afterwards.
    var isDurable = false
    /// The id of a submission, once the tenant has acknowledged it.
    var acknowledgedAs: String?
    /// How long the service takes.
    var work: Duration
    var sent: ContinuousClock.Instant
    var ended: ContinuousClock.Instant
    var verdict: Verdict
    var status = 0
    var attempt = 0
    /// Bytes of the answer.
    var size = 0
    /// How the answer begins.
    var detail = ""

    /// Whether the caller was refused.
    var isRefused: Bool { if case .refused = verdict { true } else { false } }

    /// How long the caller waited beyond what the service took.
    var wait: Duration { max(.zero, ended - sent - work) }
}
