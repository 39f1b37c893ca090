import BrokerConformance
import BrokerCore
import RelayFormat
import Testing

@Suite struct InMemoryBrokerTests {
    @Test("An in-memory broker keeps the contract", arguments: ConformanceCase.all)
    func conforms(_ conformanceCase: ConformanceCase) async throws {
        let outcome = try await BrokerConformance { limits in
            let clock = TurnableClock()
            return EmbeddedSite(InMemoryBroker(limits: limits, clock: clock.clock), clock: clock)
        }.run(conformanceCase)
        // In process there is no link to cut; the link's own tests run those cases.
        guard case .skipped(let missing) = outcome else { return }
        print("skipped for want of \(missing): \(conformanceCase)")
        #expect(missing == .cutsLinks)
    }
}
