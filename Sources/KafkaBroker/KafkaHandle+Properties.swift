internal import KafkaTopology

/// What a handle is for.
enum HandleKind: Equatable {
    case producer
    /// A consumer; with a consumer group when it shares a group's work.
    case consumer(group: String?)
    /// For questions and orders to the cluster only.
    case admin
}

extension KafkaConfiguration {
    /// The settings of a handle, in librdkafka's terms; the reasons are in Documentation/Kafka.md.
    ///
    /// Certificates and keys are not among them: they go in by other ways.
    func properties(for kind: HandleKind) -> [(name: String, value: String)] {
        var properties: [String: String] = [
            "bootstrap.servers": bootstrap, "client.id": clientID,
            "socket.nagle.disable": "true", "socket.keepalive.enable": "true",
            "reconnect.backoff.ms": "50", "reconnect.backoff.max.ms": "500",
            "topic.metadata.refresh.interval.ms": "60000", "topic.metadata.propagation.max.ms": "10000",
            // Idle connections are cut by some clusters at 240 s and more; closed by us before, they are never met dead.
            "connections.max.idle.ms": "180000", "message.max.bytes": "1000000",
            "security.protocol": securityProtocol, "log.connection.close": "false",
        ]
        switch security.login {
        case .plain(let user, let password):
            properties["sasl.mechanism"] = "PLAIN"
            properties["sasl.username"] = user
            properties["sasl.password"] = password
        case .scram(let mechanism, let user, let password):
            properties["sasl.mechanism"] = mechanism
            properties["sasl.username"] = user
            properties["sasl.password"] = password
        case .oauthBearer: properties["sasl.mechanism"] = "OAUTHBEARER"
        case nil: break
        }
        if let authorities = security.tls?.authoritiesPEM { properties["ssl.ca.pem"] = authorities }
        // A connection on which nothing has come back for as long as a session lasts leads nowhere; the library's own
        // minute would be a minute without work.
        if kind != .admin { properties["socket.timeout.ms"] = "6000" }
        switch kind {
        case .producer:
            properties.merge([
                "linger.ms": "0", "acks": "-1", "enable.idempotence": "true",
                "message.timeout.ms": "\(limits.sendTime.milliseconds)", "retry.backoff.ms": "50",
                "request.timeout.ms": "\(min(5000, limits.sendTime.milliseconds))",
                "queue.buffering.max.kbytes": "\(max(1, limits.backlogBytes >> 10))",
                "queue.buffering.max.messages": "100000",
            ]) { _, new in new }
        case .consumer(let group):
            properties.merge([
                "fetch.min.bytes": "1", "fetch.wait.max.ms": "500", "fetch.error.backoff.ms": "20",
                "queued.max.messages.kbytes": "\(max(1, limits.fetchedBytes >> 10))", "queued.min.messages": "1000",
                "enable.auto.commit": "false", "enable.auto.offset.store": "false",
                "auto.offset.reset": "earliest", "allow.auto.create.topics": "false",
            ]) { _, new in new }
            if let group {
                properties.merge([
                    "group.id": group, "session.timeout.ms": "6000", "heartbeat.interval.ms": "500",
                    "max.poll.interval.ms": "30000", "partition.assignment.strategy": "range",
                ]) { _, new in new }
            }
        case .admin: break
        }
        properties.merge(self.properties) { _, given in given }
        return properties.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private var securityProtocol: String {
        switch (security.tls, security.login) {
        case (nil, nil): "plaintext"
        case (_?, nil): "ssl"
        case (nil, _?): "sasl_plaintext"
        case (_?, _?): "sasl_ssl"
        }
    }
}

extension Duration {
    /// Whole milliseconds, within what librdkafka takes.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(min(max(seconds, 0), 2_000_000)) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
