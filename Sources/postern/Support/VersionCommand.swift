internal import ArgumentParser
internal import KafkaBroker
internal import RelayFormat

/// `postern version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Prints the version, and that of the library that speaks to Kafka.")

    func run() {
        print("postern \(PosternVersion.text)")
        print("librdkafka \(ClusterBroker.libraryVersion)")
    }
}
