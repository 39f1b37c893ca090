internal import ArgumentParser
internal import CRDKafka
internal import Foundation
internal import KafkaBroker
internal import KafkaTopology
internal import Synchronization

/// The floor on Kafka: librdkafka alone, with the relay's settings, topics and sizes; no protocol, no sealing, no ledger.
///
/// A record goes to a topic of work, another process sends it back to a topic of replies. Both wait in blocking polls.
final class BareKafka: Sendable {
    private let library: BareLibrary
    private let process: Process
    private let waiting = Mutex<[UInt64: CheckedContinuation<Void, Never>]>([:])
    private let last = Atomic<UInt64>(0)
    private let size: Int

    /// The process that sends back.
    var echo: Int32 { process.processIdentifier }

    init(_ configuration: KafkaConfiguration, size: Int) async throws {
        let name = "\(configuration.layout.prefix)-bare-\(UInt32.random(in: 0 ... .max))"
        self.size = max(16, size)
        library = try BareLibrary(configuration.bootstrap)
        try library.makeTopics(["\(name)-req", "\(name)-rep"])
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["kafka-echo", "--bootstrap", configuration.bootstrap, "--name", name]
        let ready = Pipe()
        process.standardOutput = ready
        try library.read("\(name)-rep")
        try library.write("\(name)-req")
        try process.run()
        _ = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: ready.fileHandleForReading.availableData) }
        }
        library.pump { [self] payload in
            let number = payload.loadUnaligned(as: UInt64.self)
            waiting.withLock { $0.removeValue(forKey: number) }?.resume()
        }
    }

    /// Sends a record and waits until it has come back.
    func exchange() async -> Bool {
        let number = last.add(1, ordering: .relaxed).newValue
        await withCheckedContinuation { continuation in
            waiting.withLock { $0[number] = continuation }
            withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { payload in
                payload.initializeMemory(as: UInt8.self, repeating: 0x61)
                payload.storeBytes(of: number, as: UInt64.self)
                library.send(UnsafeRawBufferPointer(payload))
            }
        }
        return true
    }

    /// Ends both processes' part.
    func end() async {
        process.terminate()
        process.waitUntilExit()
        library.end()
    }
}

/// The other half of the floor, in a process of its own.
struct BareKafkaEcho: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kafka-echo", abstract: "Sends back what comes; started by the floor.", shouldDisplay: false)

    @Option var bootstrap: String
    @Option var name: String

    func run() throws {
        let library = try BareLibrary(bootstrap)
        try library.read("\(name)-req")
        try library.write("\(name)-rep")
        library.pump { payload in library.send(payload) }
        FileHandle.standardOutput.write(Data("ready\n".utf8))
        // The floor ends it; nobody waits longer for it than ten minutes.
        Thread.sleep(forTimeInterval: 600)
    }
}

/// One producer and one consumer of the library.
///
/// Unchecked: the topic is set before the threads begin, and the library's pointers may be used from any thread.
final class BareLibrary: @unchecked Sendable {
    private let producer: OpaquePointer
    private let consumer: OpaquePointer
    private var topic: OpaquePointer?
    private let isEnding = Atomic(false)

    init(_ bootstrap: String) throws {
        func make(_ type: rd_kafka_type_t, _ settings: [String: String]) throws -> OpaquePointer {
            var reason = [CChar](repeating: 0, count: 512)
            guard let conf = rd_kafka_conf_new() else { throw ValidationError("no memory") }
            for (name, value) in settings { rd_kafka_conf_set(conf, name, value, &reason, reason.count) }
            guard let handle = rd_kafka_new(type, conf, &reason, reason.count) else {
                throw ValidationError("the library takes no settings")
            }
            return handle
        }
        let common = ["bootstrap.servers": bootstrap, "socket.nagle.disable": "true", "log_level": "2"]
        producer = try make(
            RD_KAFKA_PRODUCER,
            common.merging(["linger.ms": "0", "acks": "-1", "enable.idempotence": "true"]) { $1 })
        consumer = try make(
            RD_KAFKA_CONSUMER,
            common.merging([
                "group.id": "bare", "enable.auto.commit": "false", "fetch.min.bytes": "1", "fetch.wait.max.ms": "500",
            ]) { $1 })
        rd_kafka_poll_set_consumer(consumer)
    }

    func makeTopics(_ names: [String]) throws {
        var reason = [CChar](repeating: 0, count: 512)
        let queue = rd_kafka_queue_new(producer)
        defer { rd_kafka_queue_destroy(queue) }
        var orders: [OpaquePointer?] = names.map { rd_kafka_NewTopic_new($0, 1, 1, &reason, reason.count) }
        rd_kafka_CreateTopics(producer, &orders, orders.count, nil, queue)
        for order in orders { rd_kafka_NewTopic_destroy(order) }
        guard let event = rd_kafka_queue_poll(queue, 15_000) else { throw ValidationError("no topics were made") }
        rd_kafka_event_destroy(event)
    }

    /// Reads a topic from its end on.
    func read(_ name: String) throws {
        var (low, high): (Int64, Int64) = (0, 0)
        for _ in 0..<50
        where rd_kafka_query_watermark_offsets(consumer, name, 0, &low, &high, 2000) != RD_KAFKA_RESP_ERR_NO_ERROR {
            usleep(100_000)
        }
        let list = rd_kafka_topic_partition_list_new(1)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        rd_kafka_topic_partition_list_add(list, name, 0)?.pointee.offset = high
        rd_kafka_assign(consumer, list)
    }

    /// Writes to a topic.
    func write(_ name: String) throws {
        topic = rd_kafka_topic_new(producer, name, nil)
        var metadata: UnsafePointer<rd_kafka_metadata>?
        rd_kafka_metadata(producer, 0, topic, &metadata, 5000)
        if let metadata { rd_kafka_metadata_destroy(metadata) }
    }

    func send(_ payload: UnsafeRawBufferPointer) {
        rd_kafka_produce(
            topic, 0, Int32(RD_KAFKA_MSG_F_COPY), UnsafeMutableRawPointer(mutating: payload.baseAddress), payload.count,
            nil, 0, nil)
    }

    /// Serves both handles, each by a thread of its own, until the end.
    func pump(_ take: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
        let reader = Thread { [self] in
            while !isEnding.load(ordering: .relaxed) {
                guard let message = rd_kafka_consumer_poll(consumer, 100) else { continue }
                if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                    take(UnsafeRawBufferPointer(start: message.pointee.payload, count: message.pointee.len))
                }
                rd_kafka_message_destroy(message)
            }
            rd_kafka_destroy(consumer)
        }
        let reports = Thread { [self] in
            while !isEnding.load(ordering: .relaxed) { rd_kafka_poll(producer, 50) }
            rd_kafka_topic_destroy(topic)
            rd_kafka_destroy(producer)
        }
        reader.start()
        reports.start()
    }

    /// Stops, when nothing is sent any more: each thread ends its handle, so that no fetch is left beside what is measured
    /// next.
    func end() { isEnding.store(true, ordering: .relaxed) }
}
