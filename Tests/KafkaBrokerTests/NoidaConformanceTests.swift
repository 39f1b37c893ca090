internal import BrokerConformance
internal import BrokerCore
internal import KafkaSites
internal import TestTools
internal import Testing

/// A server of Kafka's protocol in a process of its own: long polls, an admin API and a disk are real there.
@Suite(.enabled(if: NoidaServer.program != nil, "ops/test installs noida-db"))
struct NoidaConformanceTests {
    @Test func `a Kafka-protocol server in a process of its own keeps the contract`() async throws {
        try await NoidaServer.with { server in
            let bootstrap = server.bootstrap
            await withDiscardingTaskGroup { group in
                for part in 0..<4 {
                    group.addTask {
                        for (index, conformanceCase) in ConformanceCase.all.enumerated() where index % 4 == part {
                            do {
                                try await BrokerConformance { _ in GivenKafka.site(bootstrap) }.run(conformanceCase)
                            } catch {
                                Issue.record("\(conformanceCase): \(error)")
                            }
                        }
                    }
                }
            }
        }
    }
}
