public import BrokerCore

/// Holds an implementation of `Broker` to the contract.
///
/// An adapter's tests give it a way to start a site and run each of `ConformanceCase.all`.
public struct BrokerConformance: Sendable {
    /// How a case ended that did not fail.
    public enum Outcome: Sendable, Equatable {
        /// The broker keeps what the case asks.
        case passed
        /// The site cannot show it.
        case skipped(because: SiteAbility)
    }

    private let start: @Sendable (BoardLimits) async throws -> any BrokerSite
    private let timeLimit: Duration

    /// Makes a suite.
    ///
    /// - Parameters:
    ///   - timeLimit: after which a case has failed; nothing in it waits longer than for the broker.
    ///   - start: starts an empty broker that keeps to the given limits, if it can.
    public init(
        timeLimit: Duration = .seconds(60), start: @escaping @Sendable (BoardLimits) async throws -> any BrokerSite
    ) {
        self.timeLimit = timeLimit
        self.start = start
    }

    /// Runs one case against a broker of its own.
    ///
    /// - Throws: `ConformanceFailure`, or whatever the broker threw.
    @discardableResult
    public func run(_ conformanceCase: ConformanceCase) async throws -> Outcome {
        var limits = BoardLimits()
        conformanceCase.adjust(&limits)
        let site = try await start(limits)
        if let missing = conformanceCase.needs.subtracting(site.abilities).first {
            await site.stop()
            return .skipped(because: missing)
        }
        let stage = ConformanceStage(site: site, limits: limits)
        let timeLimit = timeLimit
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await conformanceCase.body(stage) }
                group.addTask {
                    try await Task.sleep(for: timeLimit)
                    throw ConformanceFailure("took longer than \(timeLimit)")
                }
                try await group.next()
                group.cancelAll()
            }
        } catch {
            await site.stop()
            throw error
        }
        await site.stop()
        return .passed
    }
}
