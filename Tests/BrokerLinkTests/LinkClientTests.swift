import BrokerCore
import RelayFormat
import Testing

@testable import BrokerLink

@Suite struct LinkClientTests {
    @Test("debug relay", .timeLimit(.minutes(1)))
    func relay() async throws {
        let stage = try await LinkStage(broker: InMemoryBroker())
        let relay = try await Relay(to: stage.port)
        let run = try stage.client(LinkStage.principal(.connector, tenant: .random()), over: relay.port)
        let state = try await run.state { _ in true }
        print(state)
        await run.stop()
        await stage.stop()
    }
}
