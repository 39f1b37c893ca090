internal import Foundation

/// Seeded changes of valid bytes, for all that reads what comes from outside.
///
/// A run is short by default; `ops/fuzz` asks for a million and more of each reader. The same seed gives the same changes.
public enum Fuzzing {
    /// What came of it.
    public struct Outcome: Sendable {
        /// How many changed inputs were read.
        public var taken = 0
        /// How many were refused.
        public var refused = 0
    }

    /// How many changed inputs each reader gets.
    public static let runs = number("POSTERN_FUZZ_RUNS") ?? 10_000
    /// Where the changes begin.
    public static let seed = UInt64(number("POSTERN_FUZZ_SEED") ?? 1)

    private static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }

    /// Gives changed inputs to a reader, which answers whether it took one and records what must not be.
    @discardableResult
    public static func run(
        _ reader: String, valid: [[UInt8]], read: ([UInt8]) throws -> Bool
    ) rethrows -> Outcome {
        var outcome = Outcome()
        var changes = ByteChanges(
            valid,
            seed: seed
                ^ reader.utf8.reduce(14_695_981_039_346_656_037) {
                    ($0 ^ UInt64($1)) &* 1_099_511_628_211
                })
        for _ in 0..<runs {
            if try read(changes.next()) { outcome.taken += 1 } else { outcome.refused += 1 }
        }
        if ProcessInfo.processInfo.environment["POSTERN_FUZZ_RUNS"] != nil {
            print("\(reader): \(runs) changed inputs, \(outcome.taken) read, \(outcome.refused) refused, seed \(seed)")
        }
        return outcome
    }
}
