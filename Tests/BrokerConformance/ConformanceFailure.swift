/// What a broker did not keep.
public struct ConformanceFailure: Error, CustomStringConvertible {
    /// What was expected and what came, for people.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

func expect(_ condition: Bool, _ expectation: @autoclosure () -> String) throws(ConformanceFailure) {
    if !condition { throw ConformanceFailure(expectation()) }
}

func expectEqual<Value: Equatable>(
    _ seen: Value, _ expected: Value, _ what: String
) throws(ConformanceFailure) {
    if seen != expected { throw ConformanceFailure("\(what): \(expected) expected, \(seen) seen") }
}
