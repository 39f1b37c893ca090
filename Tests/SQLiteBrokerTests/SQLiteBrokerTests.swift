import BrokerConformance
import BrokerCore
import RelayFormat
import SQLiteBroker
import Testing

@Suite struct SQLiteBrokerTests {
    @Test("The embedded broker keeps the contract", arguments: ConformanceCase.all)
    func conforms(_ conformanceCase: ConformanceCase) async throws {
        let outcome = try await BrokerConformance { limits in
            let folder = try ScratchFolder()
            let clock = TurnableClock()
            let broker = try await folder.openBroker(limits: limits, clock: clock.clock)
            return EmbeddedSite(broker, clock: clock) { folder.remove() }
        }.run(conformanceCase)
        // In process there is no link to cut; the link's own tests run those cases.
        guard case .skipped(let missing) = outcome else { return }
        print("skipped for want of \(missing): \(conformanceCase)")
        #expect(missing == .cutsLinks)
    }
}
