extension KafkaPlan {
    /// The lines by which an administrator carries the plan out with what Apache Kafka brings along.
    ///
    /// - Parameter bootstrap: servers to begin with. Where they want credentials, the file
    ///   `admin.properties` has them.
    public func commands(bootstrap: String) -> [String] {
        let server = "--bootstrap-server \(Self.quoted(bootstrap)) --command-config admin.properties"
        var lines: [String] = []
        for topic in topics {
            let settings = topic.settings.sorted { $0.key < $1.key }
                .map { " --config \(Self.quoted("\($0.key)=\($0.value)"))" }.joined()
            lines.append(
                "kafka-topics.sh \(server) --create --if-not-exists --topic \(Self.quoted(topic.name)) --partitions"
                    + " \(topic.partitions) --replication-factor \(topic.replication)\(settings)")
        }
        for widening in widenings {
            lines.append(
                "kafka-topics.sh \(server) --alter --topic \(Self.quoted(widening.topic)) --partitions"
                    + " \(widening.partitions)")
        }
        for change in settings {
            let settings = change.settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            lines.append(
                "kafka-configs.sh \(server) --alter --entity-type topics --entity-name \(Self.quoted(change.topic))"
                    + " --add-config \(Self.quoted(settings.joined(separator: ",")))")
        }
        for rule in withdrawals { lines.append("kafka-acls.sh \(server) --remove --force \(Self.options(of: rule))") }
        for rule in grants { lines.append("kafka-acls.sh \(server) --add \(Self.options(of: rule))") }
        return lines
    }

    private static func options(of rule: KafkaRule) -> String {
        let resource =
            switch rule.kind {
            case .topic: "--topic \(quoted(rule.name))"
            case .group: "--group \(quoted(rule.name))"
            case .cluster: "--cluster"
            }
        return "--allow-principal \(quoted(rule.principal)) --operation \(rule.operation.rawValue) \(resource)"
            + (rule.pattern == .prefixed ? " --resource-pattern-type prefixed" : "")
    }

    /// A word of a shell's line as it is.
    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"),
                UInt8(ascii: ","), UInt8(ascii: "="), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        if isPlain, !text.isEmpty { return text }
        return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
