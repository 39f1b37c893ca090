internal import Foundation
internal import KafkaBroker
internal import KafkaTopology
internal import Logging
internal import RelayFormat

/// What tests of the administrator's part share: an installation that is made up, on whatever cluster there is.
struct AdminBench {
    let configuration: KafkaConfiguration
    let layout: KafkaLayout
    let admin: KafkaAdmin
    let tenant = TenantID.random()
    let group = GroupID.random()
    let connector = MemberID.random()
    let other = MemberID.random()
    let dispatcher = MemberID.random()

    /// A client with a prefix that no other test has.
    static func with(
        _ configuration: KafkaConfiguration, time: Duration = .seconds(15), _ body: (AdminBench) async throws -> Void
    ) async throws {
        var configuration = configuration
        configuration.layout.prefix = "test-\(UInt32.random(in: 0 ... .max))"
        configuration.layout.requestPartitions = 3
        configuration.layout.inboxPartitions = 4
        let logger = Logger(label: "admin") { _ in SwiftLogNoOpLogHandler() }
        try await KafkaAdmin(configuration: configuration, time: time, logger: logger).closing { admin in
            try await body(AdminBench(configuration: configuration, layout: configuration.layout, admin: admin))
        }
    }

    private init(configuration: KafkaConfiguration, layout: KafkaLayout, admin: KafkaAdmin) {
        self.configuration = configuration
        self.layout = layout
        self.admin = admin
    }

    /// Who takes part.
    var roster: KafkaRoster {
        KafkaRoster(tenants: [
            .init(
                id: tenant, groups: [group], connectors: [connector: [group], other: [group]], dispatchers: [dispatcher]
            )
        ])
    }

    /// What must be there, on one server.
    func wishes(
        _ roster: KafkaRoster? = nil, topics: KafkaTopicRules = .init(replication: 1),
        change: (inout KafkaLayout) -> Void = { _ in }
    ) -> KafkaWishes {
        var layout = layout
        change(&layout)
        return KafkaWishes(layout: layout, topics: topics, roster: roster ?? self.roster)
    }

    /// What is missing now.
    func plan(_ wishes: KafkaWishes) async throws -> KafkaPlan {
        KafkaPlan(wishes, seen: try await admin.look(at: layout))
    }

    /// What is missing, once the cluster has told all its servers of the last change.
    func settledPlan(_ wishes: KafkaWishes, until isSettled: (KafkaPlan) -> Bool = \.isEmpty) async throws -> KafkaPlan
    {
        try await admin.settledPlan(wishes, at: layout, until: isSettled)
    }
}

extension KafkaAdmin {
    /// What is missing, once the cluster has told all its servers of the last change, or after ten seconds.
    func settledPlan(
        _ wishes: KafkaWishes, at layout: KafkaLayout, until isSettled: (KafkaPlan) -> Bool = \.isEmpty
    ) async throws -> KafkaPlan {
        let end = ContinuousClock.now + .seconds(10)
        while true {
            let plan = KafkaPlan(wishes, seen: try await look(at: layout))
            if isSettled(plan) || ContinuousClock.now >= end { return plan }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Works with the client, and closes it whatever happens.
    func closing(_ body: (KafkaAdmin) async throws -> Void) async throws {
        do { try await body(self) } catch {
            await close()
            throw error
        }
        await close()
    }
}
