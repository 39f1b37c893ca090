internal import ArgumentParser

/// Measures the relay against floors in the same run; started by `ops/bench`.
@main
struct RelayBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay-benchmark", abstract: "Measures calls through dispatcher, queue, link and connector.",
        subcommands: [
            TenantBenchmark.self, ConnectorBenchmark.self, FloorBenchmark.self, SealBenchmark.self,
            KafkaBenchmark.self, BareKafkaEcho.self,
        ],
        defaultSubcommand: TenantBenchmark.self)
}
