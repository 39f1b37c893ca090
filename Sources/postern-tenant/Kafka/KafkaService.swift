internal import KafkaBroker
internal import ServiceLifecycle

/// Keeps the connections to Kafka, and closes them when all that uses them has ended.
struct KafkaService: Service {
    let broker: ClusterBroker

    func run() async throws {
        try? await gracefulShutdown()
        await broker.close()
    }
}
