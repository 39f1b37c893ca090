internal import ArgumentParser
internal import EnrollmentService
internal import Foundation
internal import IdentityStore
internal import KafkaBroker
internal import KafkaTopology
internal import Logging
internal import RelayFormat

extension KafkaCommand {
    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Looks at the cluster and says which topics and rules of access are missing; changes nothing.",
            discussion: """
                Exit codes: 0 all is there; 6 something is missing; 7 the cluster cannot be reached, or refuses.
                """)
        @OptionGroup var state: StateOptions
        @Flag(help: "Print JSON.") var json = false
        @Flag(help: "Print the lines alone by which an administrator makes it with Apache Kafka's own tools.")
        var lines = false

        func run() async throws {
            try await report {
                let site = try await Site(state)
                let plan = try await site.with { admin in try await site.plan(admin) }
                if json {
                    try site.print(plan, failures: nil)
                } else if lines {
                    for line in plan.commands(bootstrap: site.settings.tenant.bootstrap) { print(line) }
                } else {
                    for line in plan.text() { print(line) }
                    if !plan.isEmpty, site.settings.provision == .external {
                        print("\nTo be made by whoever administers the cluster:")
                        for line in plan.commands(bootstrap: site.settings.tenant.bootstrap) { print(line) }
                    } else if !plan.isEmpty {
                        print("\nMake it: postern-tenant kafka apply --state-dir \(state.stateDir)")
                    }
                }
                if !plan.isEmpty { throw ExitCode(CommandFailure.Code.incomplete.rawValue) }
            }
        }
    }

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes topics and rules of access that are missing on the cluster; safe to repeat.",
            discussion: """
                'postern-tenant serve' does the same by itself, whenever a group or a connector comes or goes.
                Exit codes: 0 all is there; 6 something could not be made; 7 the cluster cannot be reached, or refuses.
                """)
        @OptionGroup var state: StateOptions
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await report {
                let site = try await Site(state)
                guard site.settings.provision == .own else {
                    throw CommandFailure(
                        .usage,
                        "topics and rules are made elsewhere (\"provision\": \"external\"): 'postern-tenant kafka plan'"
                            + " says what is missing")
                }
                let (plan, failures) = try await site.with { admin in
                    let plan = try await site.plan(admin)
                    guard !plan.isEmpty else { return (plan, [KafkaError]()) }
                    return try await OperatorAct(installation: site.installation).perform(
                        "kafka.apply", on: "kafka",
                        detail: { ["steps": "\($0.0.steps)", "failures": "\($0.1.count)"] },
                        { (plan, await admin.apply(plan)) })
                }
                if json {
                    try site.print(plan, failures: failures)
                } else {
                    for line in plan.text(isDone: true) { print(line) }
                }
                guard failures.isEmpty else {
                    throw CommandFailure(
                        .incomplete,
                        "this could not be done:\n" + failures.map { "  \($0.message)" }.joined(separator: "\n"))
                }
            }
        }
    }

    /// The installation's cluster, for one look.
    struct Site {
        let installation: Installation
        let settings: KafkaSettings
        private let configuration: KafkaConfiguration
        private let administrator: MemberID

        init(_ state: StateOptions) async throws {
            installation = try await Installation.open(state.folder)
            guard let settings = installation.settings.kafka,
                let administrator = MemberID(installation.settings.dispatcherID),
                let configuration = try KafkaConfiguration.own(installation, as: administrator)
            else {
                throw CommandFailure(
                    .usage,
                    "the embedded broker is used, and no Kafka: 'postern-tenant kafka set --bootstrap host:port' changes"
                        + " that")
            }
            self.settings = settings
            self.configuration = configuration
            self.administrator = administrator
        }

        /// Connects, does something, and lets go.
        func with<Value>(_ body: (KafkaAdmin) async throws -> Value) async throws -> Value {
            // What went wrong is in the errors.
            let admin: KafkaAdmin
            do {
                admin = try KafkaAdmin(
                    configuration: configuration, logger: Logger(label: "kafka") { _ in SwiftLogNoOpLogHandler() })
            } catch {
                throw CommandFailure(.usage, "Kafka's settings do not work: \(error.message)")
            }
            do {
                let value = try await body(admin)
                await admin.close()
                return value
            } catch let error as KafkaError {
                await admin.close()
                throw CommandFailure(.unreachable, "Kafka (\(settings.tenant.bootstrap)): \(error.message)")
            } catch {
                await admin.close()
                throw error
            }
        }

        func plan(_ admin: KafkaAdmin) async throws -> KafkaPlan {
            let roster = try await KafkaRosterFeed(
                installation: installation, logger: Logger(label: "kafka") { _ in SwiftLogNoOpLogHandler() }
            ).present()
            let wishes = settings.wishes(for: roster, administrator: administrator)
            return KafkaPlan(
                wishes,
                seen: try await admin.look(at: settings.layout, withRules: settings.provisioning?.rules != false))
        }

        /// Prints a plan, and what came of it, as JSON.
        func print(_ plan: KafkaPlan, failures: [KafkaError]?) throws {
            struct Answer: Encodable {
                let provision: String
                let steps: Int
                let plan: KafkaPlan
                let commands: [String]
                let failures: [String]?
            }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let answer = Answer(
                provision: settings.provision.rawValue, steps: plan.steps, plan: plan,
                commands: plan.commands(bootstrap: settings.tenant.bootstrap), failures: failures?.map(\.message))
            Swift.print(String(decoding: try encoder.encode(answer), as: UTF8.self))
        }
    }
}

extension KafkaPlan {
    /// The plan for people, a line for each step.
    func text(isDone: Bool = false) -> [String] {
        var lines = topics.map { topic in
            "topic      \(topic.name): \(topic.partitions) partition\(topic.partitions == 1 ? "" : "s") on"
                + " \(topic.replication) server\(topic.replication == 1 ? "" : "s")"
        }
        lines += widenings.map { "partitions \($0.topic): \($0.from) to \($0.partitions)" }
        lines += settings.map { change in
            "settings   \(change.topic): "
                + change.settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        }
        lines += withdrawals.map { "withdraw   \($0)" }
        lines += grants.map { "grant      \($0)" }
        if isEmpty {
            lines.append("Nothing is missing.")
        } else {
            lines.append("\(steps) step\(steps == 1 ? "" : "s") \(isDone ? "done" : "to do").")
        }
        lines += remarks.map { "note: \($0)" }
        return lines
    }
}
