internal import BrokerCore
internal import EnrollmentService
internal import Foundation
internal import KafkaBroker
internal import KafkaTopology
internal import Logging
internal import Metrics
internal import RelayFormat
internal import ServiceLifecycle
internal import Synchronization

/// Keeps topics and rules of access on the Kafka cluster as the registry wants them, for as long as the process runs.
///
/// What changes in the registry is made at once, from what is known of the cluster; every few minutes, and after a
/// failure, the cluster is asked what is there. Who is shut out loses all access before anything else is done.
final class KafkaProvisioner: Service {
    private enum Event: Sendable {
        case shutOut(MemberID)
        case changed
        case look
    }

    /// How often the cluster is asked what is there.
    private static let interval = Duration.seconds(300)
    private static let firstRetry = Duration.seconds(2)
    private static let longestRetry = Duration.seconds(60)

    private let settings: KafkaSettings
    private let configuration: KafkaConfiguration
    private let administrator: MemberID
    private let feed: KafkaRosterFeed
    private let logger: Logger
    private let events = Mailbox<Event>()
    private let nextLook = Mutex(ContinuousClock.now)
    private let missing = Gauge(label: "postern_kafka_missing")
    private let failures = Counter(label: "postern_kafka_provisioning_failures_total")
    private let removals = Counter(label: "postern_kafka_access_removed_total")

    init(
        installation: Installation, settings: KafkaSettings, configuration: KafkaConfiguration,
        administrator: MemberID, logger: Logger
    ) {
        self.settings = settings
        self.configuration = configuration
        self.logger = logger
        self.administrator = administrator
        feed = KafkaRosterFeed(installation: installation, logger: logger)
    }

    /// The one of an installation; nil where it has no Kafka.
    convenience init?(_ installation: Installation, logger: Logger) throws {
        // By tokens it is the first dispatcher's name under which topics and rules are made, whichever process does it.
        guard let settings = installation.settings.kafka,
            let administrator = MemberID(installation.settings.dispatcherID),
            let configuration = try KafkaConfiguration.own(installation, as: administrator)
        else { return nil }
        self.init(
            installation: installation, settings: settings, configuration: configuration,
            administrator: administrator, logger: logger)
    }

    /// Makes what a dispatcher needs that is about to start, as far as that can be done now.
    ///
    /// librdkafka's producer is lost for good when it is refused once, and the registry has a new dispatcher only when it
    /// runs: so its rules come first.
    func prepare(_ dispatcher: MemberID) async {
        guard settings.provision == .own else { return }
        do {
            let admin = try KafkaAdmin(configuration: configuration, time: .seconds(5), logger: logger)
            do {
                var roster = try await feed.present()
                for index in roster.tenants.indices { roster.tenants[index].dispatchers.insert(dispatcher) }
                let seen = try await admin.look(
                    at: settings.layout, withRules: settings.provisioning?.rules != false)
                var plan = KafkaPlan(settings.wishes(for: roster, administrator: administrator), seen: seen)
                // What has to go is the business of the process that keeps all this.
                plan.withdrawals = []
                if let failure = await admin.apply(plan).first { throw failure }
            } catch {
                await admin.close()
                throw error
            }
            await admin.close()
        } catch {
            logger.warning("Kafka could not be prepared", metadata: ["reason": "\(error)"])
        }
    }

    /// Takes all access of a member away, at once.
    func shutOut(_ member: MemberID) { events.put(CollectionOfOne(.shutOut(member))) }

    func run() async throws {
        let admin = try KafkaAdmin(configuration: configuration, logger: logger)
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.feed.run { self.events.put(CollectionOfOne(.changed)) } }
                group.addTask { await self.tick() }
                group.addTask { await self.work(admin) }
            }
        }
        await admin.close()
    }

    /// Says when it is time to look at the cluster again.
    private func tick() async {
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            let isDue = nextLook.withLock { next in
                guard ContinuousClock.now >= next else { return false }
                next = .now + Self.interval
                return true
            }
            if isDue { events.put(CollectionOfOne(.look)) }
        }
    }

    private func work(_ admin: KafkaAdmin) async {
        var seen: KafkaSighting?
        var retry = Self.firstRetry
        var owed: Set<MemberID> = []
        while let arrived = await events.take() {
            for event in arrived {
                switch event {
                case .shutOut(let member): owed.insert(member)
                case .look: seen = nil
                case .changed: break
                }
            }
            do {
                if !owed.isEmpty {
                    seen = nil
                    try await removeAccess(of: &owed, admin)
                }
                seen = try await reconcile(from: seen, admin)
                retry = Self.firstRetry
                nextLook.withLock { $0 = .now + Self.interval }
            } catch {
                failures.increment()
                seen = nil
                logger.error(
                    "Kafka cannot be set up",
                    metadata: ["reason": "\(error)", "next_try_seconds": "\(retry.components.seconds)"])
                nextLook.withLock { $0 = .now + retry }
                retry = min(retry * 2, Self.longestRetry)
            }
        }
    }

    private func removeAccess(of members: inout Set<MemberID>, _ admin: KafkaAdmin) async throws(KafkaError) {
        for member in members {
            guard let principals = settings.connectorPrincipals, !principals.isShared else {
                logger.warning(
                    "Access to Kafka ends only when the shared password is changed",
                    metadata: ["member": "\(member)"])
                members.remove(member)
                continue
            }
            let principal = principals.name(of: member)
            if settings.provision == .own {
                removals.increment(by: try await admin.removeAccess(of: principal))
            } else {
                logger.error(
                    "Rules of access at Kafka have to be taken away by whoever administers it",
                    metadata: ["principal": "\(principal)", "lines": "postern-tenant kafka plan"])
            }
            members.remove(member)
        }
    }

    /// Makes what is missing; returns what is there then.
    private func reconcile(from known: KafkaSighting?, _ admin: KafkaAdmin) async throws -> KafkaSighting {
        let wishes = settings.wishes(for: try await feed.present(), administrator: administrator)
        let seen: KafkaSighting
        if let known {
            seen = known
        } else {
            seen = try await admin.look(at: settings.layout, withRules: settings.provisioning?.rules != false)
        }
        let plan = KafkaPlan(wishes, seen: seen)
        if known == nil {
            for remark in plan.remarks {
                logger.warning("Kafka is not as it should be", metadata: ["text": "\(remark)"])
            }
        }
        missing.record(plan.steps)
        guard !plan.isEmpty else { return seen }
        guard settings.provision == .own else {
            if known == nil {
                logger.error(
                    "Kafka lacks what is made elsewhere: 'postern-tenant kafka plan' says what",
                    metadata: ["steps": "\(plan.steps)"])
            }
            return seen
        }
        let failures = await admin.apply(plan)
        for failure in failures.prefix(5) {
            logger.error("Kafka refuses a change", metadata: ["reason": "\(failure)"])
        }
        if let first = failures.first { throw first }
        logger.notice(
            "Kafka is set up",
            metadata: [
                "topics": "\(plan.topics.count)", "widened": "\(plan.widenings.count)",
                "settings": "\(plan.settings.count)", "granted": "\(plan.grants.count)",
                "withdrawn": "\(plan.withdrawals.count)",
            ])
        missing.record(0)
        return seen.after(plan)
    }
}
