internal import CRDKafka
internal import Foundation
public import KafkaTopology
public import Logging

/// Sees and makes what Postern needs on a Kafka cluster: topics, partitions, settings, rules of access.
///
/// It holds connections until `close`. Whatever waits for the cluster waits on threads of its own.
public final class KafkaAdmin: Sendable {
    /// The most topics or rules of one request.
    private static let batch = 100
    private static let ruleBatch = 500

    let sink: AdminSink
    private let handle: KafkaHandle
    private let logger: Logger
    private let time: Duration

    /// Makes a client; it connects by itself.
    ///
    /// - Parameters:
    ///   - configuration: the cluster, with an identity that may do what is asked (Documentation/Kafka.md lists it); the
    ///     role is of no importance.
    ///   - time: how long the cluster may take for one answer.
    /// - Throws: `configuration` for settings that librdkafka does not take.
    public init(
        configuration: KafkaConfiguration, time: Duration = .seconds(15), logger: Logger
    ) throws(KafkaError) {
        self.logger = logger
        self.time = time
        sink = AdminSink(logger: logger)
        handle = try KafkaHandle(.admin, configuration, sink: sink, logger: logger)
    }

    /// Lets go of the cluster; returns when the connections are closed.
    public func close() async { await handle.close() }

    /// Looks at what is there of a layout.
    ///
    /// - Parameter withRules: whether rules of access are of interest.
    public func look(at layout: KafkaLayout, withRules: Bool = true) async throws(KafkaError) -> KafkaSighting {
        let (time, sink) = (time, sink)
        var seen = try await handle.ask { (handle, thread) throws(KafkaError) in
            try AdminLook.metadata(handle, of: layout, within: time, sink: sink, on: thread)
        }
        for names in Self.batches(seen.topics.keys.sorted(), of: Self.batch) {
            let settings = try await request(.describeConfigs) { (handle, request, thread) throws(KafkaError) in
                try AdminLook.settings(handle, of: names, request, on: thread)
            }
            for (name, found) in settings {
                seen.topics[name]?.settings = found.settings
                seen.topics[name]?.own = found.own
            }
        }
        seen.rules = nil
        guard withRules else { return seen }
        do {
            for kind in KafkaRule.Kind.allCases {
                let found = try await request(.describeRules) { (handle, request, thread) throws(KafkaError) in
                    try AdminLook.rules(handle, of: kind, layout: layout, request, on: thread)
                }
                seen.rules = (seen.rules ?? []).union(found.rules)
                seen.oddRules += found.odd
            }
            if seen.rules?.isEmpty == true { try await probe(layout) }
        } catch
            where error.number == RD_KAFKA_RESP_ERR_SECURITY_DISABLED.rawValue
            || error.number == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE.rawValue
        {
            // No authorizer, or a service that knows no rules.
            seen.rules = nil
        }
        return seen
    }

    /// Asks whether rules can be made at all.
    ///
    /// 2.0.2 tells of no rules where it was told that it may not see them, or that there is no authorizer. Nothing has the
    /// name whose rules are deleted here.
    private func probe(_ layout: KafkaLayout) async throws(KafkaError) {
        let nobody = KafkaRule("User:nobody", may: .read, .group, "\(layout.prefix).probe")
        let failures = try await request(.deleteRules) { (handle, request, thread) throws(KafkaError) in
            try AdminOrders.withdraw([nobody], handle, request, on: thread)
        }
        if let failure = failures.first { throw failure }
    }

    /// Carries a plan out as far as it can: what is to be taken away first.
    ///
    /// It can be repeated: what is there already is not made again.
    /// - Returns: what could not be done, with what to do about it; empty when all is done.
    public func apply(_ plan: KafkaPlan) async -> [KafkaError] {
        var failures: [KafkaError] = []
        failures += await remove(plan.withdrawals)
        for topics in Self.batches(plan.topics, of: Self.batch) {
            failures += await order(.createTopics) { (handle, request, thread) throws(KafkaError) in
                try AdminOrders.create(topics, handle, request, on: thread)
            }
        }
        for widenings in Self.batches(plan.widenings, of: Self.batch) {
            failures += await order(.createPartitions) { (handle, request, thread) throws(KafkaError) in
                try AdminOrders.widen(widenings, handle, request, on: thread)
            }
        }
        for changes in Self.batches(plan.settings, of: Self.batch) {
            failures += await order(.alterConfigs) { (handle, request, thread) throws(KafkaError) in
                try AdminOrders.set(changes, handle, request, on: thread)
            }
        }
        for rules in Self.batches(plan.grants, of: Self.ruleBatch) {
            failures += await order(.createRules) { (handle, request, thread) throws(KafkaError) in
                try AdminOrders.grant(rules, handle, request, on: thread)
            }
        }
        return failures
    }

    /// Takes all rules away that name someone, those of consumer groups first: a member that is shut out would else
    /// still get its share of the work.
    ///
    /// Open connections are asked for each request, so it has no effect any more a moment later.
    /// - Returns: how many there were; none where the cluster has no authorizer.
    @discardableResult
    public func removeAccess(of principal: String) async throws(KafkaError) -> Int {
        var count = 0
        for kind in [KafkaRule.Kind.group, .topic, .cluster] {
            do {
                count += try await request(.deleteRules) { (handle, request, thread) throws(KafkaError) in
                    try AdminOrders.removeAll(of: principal, kind, handle, request, on: thread)
                }
            } catch {
                guard error.number == RD_KAFKA_RESP_ERR_SECURITY_DISABLED.rawValue else { throw error }
                return 0
            }
        }
        logger.info("Access to Kafka removed", metadata: ["principal": "\(principal)", "rules": "\(count)"])
        return count
    }

    /// Takes rules away in their order: of each kind before the next is touched.
    private func remove(_ rules: [KafkaRule]) async -> [KafkaError] {
        var failures: [KafkaError] = []
        for kind in [KafkaRule.Kind.group, .topic, .cluster] {
            for some in Self.batches(rules.filter { $0.kind == kind }, of: Self.ruleBatch) {
                failures += await order(.deleteRules) { (handle, request, thread) throws(KafkaError) in
                    try AdminOrders.withdraw(some, handle, request, on: thread)
                }
            }
        }
        return failures
    }

    private func order(
        _ kind: AdminRequest.Kind,
        _ body:
            @escaping @Sendable (OpaquePointer, AdminRequest, borrowing BlockingThread) throws(KafkaError)
            -> [KafkaError]
    ) async -> [KafkaError] {
        do { return try await request(kind, body) } catch { return [error] }
    }

    private func request<Answer: Sendable>(
        _ kind: AdminRequest.Kind,
        _ body: @escaping @Sendable (OpaquePointer, AdminRequest, borrowing BlockingThread) throws(KafkaError) -> Answer
    ) async throws(KafkaError) -> Answer {
        let request = AdminRequest(kind: kind, sink: sink, time: time)
        do {
            return try await handle.ask { (handle, thread) throws(KafkaError) in try body(handle, request, thread) }
        } catch {
            throw error.advised(on: kind)
        }
    }

    private static func batches<Item>(_ items: [Item], of size: Int) -> [[Item]] {
        stride(from: 0, to: items.count, by: size).map { Array(items[$0..<min($0 + size, items.count)]) }
    }
}
