/// Which of librdkafka's settings a tenant may choose for its connectors.
///
/// They run in another's network: settings that load code, run commands, read or write files, or weaken who is believed
/// are not the tenant's to choose, and neither is what the connector sets itself. So what is not named here is refused.
public enum KafkaProperties {
    /// The settings: times, sizes, and how connections are made.
    public static let harmless: Set<String> = [
        "api.version.fallback.ms", "api.version.request", "api.version.request.timeout.ms", "broker.address.family",
        "broker.address.ttl", "broker.version.fallback", "client.rack", "compression.codec", "compression.level",
        "compression.type", "connections.max.idle.ms", "fetch.error.backoff.ms", "fetch.message.max.bytes",
        "fetch.max.bytes", "fetch.min.bytes", "fetch.wait.max.ms", "heartbeat.interval.ms", "linger.ms",
        "max.in.flight", "max.in.flight.requests.per.connection", "max.partition.fetch.bytes", "message.max.bytes",
        "metadata.max.age.ms", "queue.buffering.max.kbytes", "queue.buffering.max.messages",
        "queued.max.messages.kbytes", "queued.min.messages", "receive.message.max.bytes", "reconnect.backoff.max.ms",
        "reconnect.backoff.ms", "request.timeout.ms", "retry.backoff.ms", "session.timeout.ms",
        "socket.connection.setup.timeout.ms", "socket.keepalive.enable", "socket.nagle.disable",
        "socket.receive.buffer.bytes", "socket.send.buffer.bytes", "socket.timeout.ms",
        "topic.metadata.refresh.fast.interval.ms", "topic.metadata.refresh.interval.ms",
    ]

    /// What is wrong with settings for connectors, for people; nil when nothing is.
    public static func flaw(in properties: [String: String]) -> String? {
        guard let name = properties.keys.filter({ !harmless.contains($0) }).min() else { return nil }
        return "\(name) is none of the settings that a tenant may choose for its connectors"
    }
}
