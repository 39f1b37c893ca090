/// A rule of a cluster's authorizer: who may do what (an ACL).
public struct KafkaRule: Sendable, Hashable, Codable {
    /// What a rule opens.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case topic, group, cluster
    }

    /// Whether the name is the whole one, or what names begin with.
    public enum Pattern: String, Sendable, Codable {
        case literal, prefixed
    }

    /// What may be done, as `kafka-acls.sh` names it.
    public enum Operation: String, Sendable, Codable, CaseIterable {
        case read = "Read"
        case write = "Write"
        case idempotentWrite = "IdempotentWrite"
        // What Postern never asks for, and takes away from members that have it.
        case all = "All"
        case create = "Create"
        case delete = "Delete"
        case alter = "Alter"
        case describe = "Describe"
        case clusterAction = "ClusterAction"
        case describeConfigs = "DescribeConfigs"
        case alterConfigs = "AlterConfigs"
    }

    /// Who, as in `User:name`.
    public var principal: String
    /// What is opened.
    public var kind: Kind
    /// Its name, or what names begin with.
    public var name: String
    /// Which of the two.
    public var pattern: Pattern
    /// What may be done.
    public var operation: Operation

    /// The name of a cluster in its own rules.
    public static let clusterName = "kafka-cluster"

    /// Describes a rule.
    public init(
        _ principal: String, may operation: Operation, _ kind: Kind, _ name: String, pattern: Pattern = .literal
    ) {
        self.principal = principal
        self.operation = operation
        self.kind = kind
        self.name = name
        self.pattern = pattern
    }
}

extension KafkaRule: Comparable, CustomStringConvertible {
    /// The order in which rules are taken away: first what a revoked member could still take from its peers.
    public static func < (left: KafkaRule, right: KafkaRule) -> Bool {
        left.rank == right.rank ? left.text < right.text : left.rank < right.rank
    }

    private var rank: Int {
        switch (kind, operation) {
        case (.group, _): 0
        case (.topic, .read): 1
        case (.topic, _): 2
        case (.cluster, _): 3
        }
    }

    private var text: String { "\(principal) \(name) \(operation.rawValue) \(pattern.rawValue)" }

    public var description: String {
        "\(principal) may \(operation.rawValue) \(kind.rawValue) \(name)\(pattern == .prefixed ? "…" : "")"
    }
}
