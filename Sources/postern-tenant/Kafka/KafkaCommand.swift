internal import ArgumentParser
internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation
internal import IdentityStore
internal import KafkaTopology

/// `postern-tenant kafka`.
struct KafkaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kafka",
        abstract: "The Kafka cluster that tenant and connectors share in place of the embedded broker.",
        subcommands: [Show.self, Set.self, Unset.self, Plan.self, Apply.self], defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints how it is reached; nothing secret.")
        @OptionGroup var state: StateOptions
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                guard let kafka = installation.settings.kafka else {
                    guard json else { return print("The embedded broker is used, and no Kafka.") }
                    return print("null")
                }
                if json {
                    let encoder = JSONEncoder()
                    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                    return print(String(decoding: try encoder.encode(kafka), as: UTF8.self))
                }
                print(KafkaCommand.lines(kafka, installation).joined(separator: "\n"))
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says how it is reached; what is not named stays as it is.",
            discussion: """
                Certificates, keys and passwords are copied into the state folder, where only its owner reads them. The
                cluster is not asked. It takes effect when 'postern-tenant serve' starts again.
                """)
        @OptionGroup var state: StateOptions
        @OptionGroup var kafka: KafkaOptions

        func validate() throws {
            if kafka.isEmpty { throw ValidationError("name what is to be set; --help lists it") }
        }

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let (settings, files) = try kafka.applied(to: installation.settings.kafka)
                try await OperatorAct(installation: installation).perform(
                    "kafka.set", on: "kafka",
                    detail: {
                        [
                            "bootstrap": settings.tenant.bootstrap, "layout": settings.layout.kind.rawValue,
                            "tenant": settings.tenant.mechanism.rawValue,
                            "connectors": settings.connectors.mechanism.rawValue,
                        ]
                    },
                    { try Installation.configureKafka(settings, files: files, in: state.folder) })
                print(KafkaCommand.lines(settings, installation).joined(separator: "\n"))
                print("\nIt takes effect when 'postern-tenant serve' starts again.")
            }
        }
    }

    struct Unset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Goes back to the embedded broker, and erases the passwords and keys for Kafka.")
        @OptionGroup var state: StateOptions

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                try await OperatorAct(installation: installation).perform(
                    "kafka.unset", on: "kafka", { try Installation.configureKafka(nil, files: [:], in: state.folder) })
                print("The embedded broker is used when 'postern-tenant serve' starts again.")
            }
        }
    }

    /// The settings for people.
    static func lines(_ kafka: KafkaSettings, _ installation: Installation) -> [String] {
        func way(_ side: KafkaSettings.Side) -> String {
            let user = side.user.map { " as \($0)" } ?? ""
            let properties = side.properties.sorted { $0.key < $1.key }.map { ", \($0.key)=\($0.value)" }.joined()
            return "\(side.bootstrap), \(side.tls ? "TLS" : "no TLS"), \(side.mechanism.rawValue)\(user)\(properties)"
        }
        let layout = kafka.layout
        var lines = [
            "tenant       \(way(kafka.tenant))",
            "connectors   \(way(kafka.connectors))",
            "layout       \(layout.kind.rawValue), topics \(layout.prefix).…, partitions: \(layout.requestPartitions) of"
                + " requests, \(layout.inboxPartitions) of inboxes, \(layout.presencePartitions) of presence",
            "topics       made by \(kafka.provision == .own ? "this tenant" : "somebody else"),"
                + " \(kafka.replication) replicas",
        ]
        if [kafka.tenant.mechanism, kafka.connectors.mechanism].contains(.oauthBearer) {
            let url = installation.settings.publicURL
            lines += [
                "tokens       sasl.oauthbearer.jwks.endpoint.url=\(url)\(APIPath.keySet)",
                "             sasl.oauthbearer.expected.issuer=\(url)",
                "             sasl.oauthbearer.expected.audience=\(Installation.kafkaAudience)",
            ]
        }
        if kafka.tenant.mechanism == .oauthBearer {
            lines.append("principal    User:\(installation.settings.dispatcherID) is the tenant itself")
        }
        if kafka.connectors.mechanism.hasPassword {
            lines.append(
                "note         all connectors share one user: one of them is only kept out of Kafka by another password")
        }
        return lines
    }
}
