import RelaySealing
import Testing

/// Which broker he has taken over, and by which suite the tenants seal.
struct EvilCase: Sendable, CustomTestStringConvertible {
    let broker: BrokerKind
    let suite: SealingSuite

    /// Every broker with every suite.
    static let allCases = BrokerKind.allCases.flatMap { broker in
        SealingSuite.allCases.map { EvilCase(broker: broker, suite: $0) }
    }

    /// Every broker and every suite, once each: for tests that last.
    static let crossed = [
        EvilCase(broker: .memory, suite: .xWing), EvilCase(broker: .sqlite, suite: .x25519),
    ]

    var testDescription: String { "\(broker), \(suite)" }
}
