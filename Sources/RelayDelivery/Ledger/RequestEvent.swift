public import RelayFormat

/// One thing that happened to a request: a line of what `why` tells.
public struct RequestEvent: Sendable, Equatable {
    /// What happened; the numbers are stored, the names are shown.
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// Its caller brought it.
        case submitted = 1
        /// Nobody could take it.
        case waiting = 2
        /// It was sent: to the group, or to a connector.
        case dispatched = 3
        /// The broker did not take it.
        case notSent = 4
        /// A connector has it and runs it.
        case accepted = 5
        /// A connector asked for the leave to start it.
        case claimed = 6
        /// The leave was given.
        case granted = 7
        /// The leave was refused.
        case refused = 8
        /// A connector gave it back, and never starts it.
        case returned = 9
        /// The connector that had it may be gone.
        case suspected = 10
        /// The connector that had it is gone.
        case lost = 11
        /// Its connector was asked how it stands.
        case asked = 12
        /// The connector's answer to that.
        case known = 13
        /// A reply came that could not count any more.
        case late = 14
        /// It ended with the service's answer.
        case answered = 15
        /// It ended without one.
        case failed = 16
        /// Somebody cancelled it.
        case cancelled = 17
        /// An outcome that was unknown became known.
        case resolved = 18
        /// It was taken up again after it had ended.
        case redriven = 19
        /// The dispatcher started again and took it up from the ledger.
        case restored = 20
    }

    /// When, on the tenant's clock.
    public var at: RelayTime
    /// What.
    public var kind: Kind
    /// Which dispatch it concerns; zero for none.
    public var attempt: UInt32
    /// The connector concerned, by name; empty for none.
    public var connector: String
    /// More, for people, and without secrets; empty for nothing.
    public var detail: String

    /// Makes an event.
    public init(at: RelayTime, _ kind: Kind, attempt: UInt32 = 0, connector: String = "", detail: String = "") {
        self.at = at
        self.kind = kind
        self.attempt = attempt
        self.connector = connector
        self.detail = detail
    }
}

extension RequestEvent.Kind {
    /// The name in the HTTP API.
    public var name: String {
        switch self {
        case .notSent: "not_sent"
        default: "\(self)"
        }
    }
}
