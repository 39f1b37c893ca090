import BrokerCore
import Foundation
import Logging
import RelayFormat
import SQLiteBroker

/// The brokers that he may have taken over.
enum BrokerKind: String, CaseIterable, Sendable {
    case memory
    case sqlite

    /// Makes a broker whose files, if it has any, are in a folder.
    func open(in folder: String, clock: RelayClock, logger: Logger) async throws -> any EmbeddedBroker {
        switch self {
        case .memory: InMemoryBroker(clock: clock)
        case .sqlite:
            try await DurableBroker.open(
                path: folder + "/queue.sqlite", clock: clock, largestFile: 1 << 30, logger: logger)
        }
    }
}
