internal import BrokerConformance
internal import BrokerCore
internal import KafkaSites
internal import Testing

@Suite(.serialized, .enabled(if: GivenKafka.bootstrap != nil, "POSTERN_TEST_KAFKA=host:port names no Kafka"))
struct RealConformanceTests {
    @Test(arguments: ConformanceCase.all)
    func `a real cluster keeps the contract`(conformanceCase: ConformanceCase) async throws {
        let bootstrap = try #require(GivenKafka.bootstrap)
        let suite = BrokerConformance { _ in GivenKafka.site(bootstrap) }
        try await suite.run(conformanceCase)
    }
}
