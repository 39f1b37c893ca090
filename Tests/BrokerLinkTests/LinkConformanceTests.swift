import BrokerConformance
import Testing

@Suite struct LinkConformanceTests {
    @Test("The broker behind a link keeps the contract", arguments: ConformanceCase.all)
    func conforms(_ conformanceCase: ConformanceCase) async throws {
        let outcome = try await BrokerConformance(timeLimit: .seconds(30)) { limits in
            try await LinkSite(limits: limits)
        }.run(conformanceCase)
        #expect(outcome == .passed)
    }
}
