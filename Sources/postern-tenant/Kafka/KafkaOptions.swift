public import ArgumentParser
public import EnrollmentProtocol
public import EnrollmentService
internal import Foundation
public import KafkaTopology

/// How tenant and connectors reach a Kafka cluster; what is not named stays as it is.
struct KafkaOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Kafka's servers to begin with, host:port by commas.", valueName: "servers"))
    var bootstrap: String?

    @Option(
        help: ArgumentHelp(
            "The servers for connectors, where they reach other ones; those of --bootstrap where nothing is said.",
            valueName: "servers"))
    var connectorBootstrap: String?

    @Option(help: "Topics of each tenant and group of its own (dedicated), or four for all (shared).")
    var layout: KafkaLayout.Kind?

    @Option(help: "What the names of all topics begin with; postern where nothing is said.")
    var topicPrefix: String?

    @Option(help: "Partitions of a group's topic: as many as it will have connectors; 12 where nothing is said.")
    var requestPartitions: Int32?

    @Option(help: "Partitions of a topic of inboxes, two for each; 32 where nothing is said.")
    var inboxPartitions: Int32?

    @Option(help: "Partitions of presence, in the layout shared; 4 where nothing is said.")
    var presencePartitions: Int32?

    @Option(help: "Who makes topics and access rules: the tenant (self), or somebody else (external).")
    var provision: KafkaSettings.Provision?

    @Option(help: "On how many servers each topic lies; 3 where nothing is said.")
    var replication: Int?

    @Option(help: "How the tenant logs in: none, mtls, oauthbearer, plain, scram-sha-256 or scram-sha-512.")
    var security: KafkaMechanism?

    @Flag(inversion: .prefixedNo, help: "Whether the tenant's connections are TLS; mtls is always.")
    var tls: Bool?

    @Option(
        help: ArgumentHelp("The CA of the servers, PEM; that of the system where nothing is said.", valueName: "file"))
    var kafkaCa: String?

    @Option(help: ArgumentHelp("The tenant's certificate with its chain, PEM, for mtls.", valueName: "file"))
    var kafkaCert: String?

    @Option(help: ArgumentHelp("The key of --kafka-cert, PEM.", valueName: "file"))
    var kafkaKey: String?

    @Option(help: "The tenant's user, for plain and scram.")
    var kafkaUser: String?

    @Option(help: ArgumentHelp("The file with the password of --kafka-user; - for standard input.", valueName: "file"))
    var kafkaPasswordFile: String?

    @Option(
        name: .customLong("property"),
        help: ArgumentHelp(
            "A setting of librdkafka for the tenant, NAME=VALUE; NAME= takes it away.", valueName: "setting"))
    var properties: [String] = []

    @Option(help: "How connectors log in: like --security; oauthbearer and mtls are each connector's own.")
    var connectorSecurity: KafkaMechanism?

    @Flag(inversion: .prefixedNo, help: "Whether the connectors' connections are TLS; mtls is always.")
    var connectorTls: Bool?

    @Option(
        help: ArgumentHelp(
            "The CA of the servers that connectors are told, PEM; that of their systems where nothing is said.",
            valueName: "file"))
    var connectorCa: String?

    @Option(help: "The user that all connectors have, for plain and scram.")
    var connectorUser: String?

    @Option(
        help: ArgumentHelp("The file with the password of --connector-user; - for standard input.", valueName: "file"))
    var connectorPasswordFile: String?

    @Option(
        name: .customLong("connector-property"),
        help: ArgumentHelp("A setting of librdkafka for connectors, NAME=VALUE.", valueName: "setting"))
    var connectorProperties: [String] = []

    /// Whether anything is named.
    var isEmpty: Bool {
        [
            bootstrap, connectorBootstrap, topicPrefix, kafkaCa, kafkaCert, kafkaKey, kafkaUser, kafkaPasswordFile,
            connectorCa, connectorUser, connectorPasswordFile,
        ].allSatisfy { $0 == nil } && layout == nil && requestPartitions == nil && inboxPartitions == nil
            && presencePartitions == nil && provision == nil && replication == nil && security == nil && tls == nil
            && connectorSecurity == nil && connectorTls == nil && properties.isEmpty && connectorProperties.isEmpty
    }

    /// The settings with what is named, and the files that come with them.
    func applied(to known: KafkaSettings?) throws -> (KafkaSettings, [KafkaFile: String]) {
        guard let first = bootstrap ?? known?.tenant.bootstrap else {
            throw CommandFailure(.usage, "name Kafka's servers by --bootstrap host:port")
        }
        var kafka = known ?? KafkaSettings(bootstrap: first)
        // Connectors that reached the same servers go on doing so.
        if kafka.connectors.bootstrap == kafka.tenant.bootstrap { kafka.connectors.bootstrap = first }
        kafka.tenant.bootstrap = first
        if let connectorBootstrap { kafka.connectors.bootstrap = connectorBootstrap }
        if let layout { kafka.layout.kind = layout }
        if let topicPrefix { kafka.layout.prefix = topicPrefix }
        if let requestPartitions { kafka.layout.requestPartitions = requestPartitions }
        if let inboxPartitions { kafka.layout.inboxPartitions = inboxPartitions }
        if let presencePartitions { kafka.layout.presencePartitions = presencePartitions }
        if let provision { kafka.provision = provision }
        if let replication { kafka.replication = replication }
        try apply(
            security, tls, isTLS: kafkaCa != nil, kafkaUser, properties, to: &kafka.tenant)
        try apply(
            connectorSecurity, connectorTls, isTLS: connectorCa != nil, connectorUser, connectorProperties,
            to: &kafka.connectors)
        var files: [KafkaFile: String] = [:]
        if let kafkaCa { files[.authorities] = try InitCommand.read(kafkaCa) }
        if let kafkaCert { files[.certificate] = try InitCommand.read(kafkaCert) }
        if let kafkaKey { files[.certificateKey] = try InitCommand.read(kafkaKey) }
        if let kafkaPasswordFile { files[.password] = try Self.password(in: kafkaPasswordFile) }
        if let connectorCa { files[.connectorAuthorities] = try InitCommand.read(connectorCa) }
        if let connectorPasswordFile { files[.connectorPassword] = try Self.password(in: connectorPasswordFile) }
        return (kafka, files)
    }

    private func apply(
        _ mechanism: KafkaMechanism?, _ tls: Bool?, isTLS: Bool, _ user: String?, _ properties: [String],
        to side: inout KafkaSettings.Side
    ) throws {
        if let mechanism {
            side.mechanism = mechanism
            if !mechanism.hasPassword { side.user = nil }
        }
        if isTLS || mechanism == .mutualTLS { side.tls = true }
        if let tls { side.tls = tls }
        if let user { side.user = user }
        for property in properties {
            guard let equals = property.firstIndex(of: "="), equals != property.startIndex else {
                throw CommandFailure(.usage, "“\(property.prefix(80))” is no setting of the form NAME=VALUE")
            }
            let value = property[property.index(after: equals)...]
            side.properties[String(property[..<equals])] = value.isEmpty ? nil : String(value)
        }
    }

    /// A password is the file's first line: editors end files with a line feed that belongs to no password.
    private static func password(in path: String) throws -> String {
        let text = path == "-" ? readLine(strippingNewline: true) ?? "" : try InitCommand.read(path)
        let line = String(text.prefix { !$0.isNewline })
        guard !line.isEmpty, line.utf8.count <= 32 * 1024 else {
            throw CommandFailure(.usage, "\(path) holds no password in its first line")
        }
        return line
    }
}

extension KafkaLayout.Kind: ExpressibleByArgument {}
extension KafkaMechanism: ExpressibleByArgument {}
extension KafkaSettings.Provision: ExpressibleByArgument {}
