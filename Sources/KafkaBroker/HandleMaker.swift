internal import CRDKafka
internal import Foundation
internal import Glibc
internal import Logging

/// Makes handles of librdkafka from configurations.
enum HandleMaker {
    /// Makes a handle whose callbacks find the context by its opaque pointer.
    static func make(
        _ kind: HandleKind, _ configuration: KafkaConfiguration, events: Int32, context: HandleContext
    ) throws(KafkaError) -> OpaquePointer {
        guard let settings = rd_kafka_conf_new() else { throw KafkaError(.unavailable, "no memory") }
        var chain: FileHandle?
        defer { try? chain?.close() }
        do {
            for (name, value) in configuration.properties(for: kind) { try set(name, value, in: settings) }
            if let certificate = configuration.security.tls?.certificate {
                // `ssl.certificate.pem` would send the leaf alone, without its intermediates.
                let file = try anonymousFile(certificate.chainPEM)
                chain = file
                try set("ssl.certificate.location", "/proc/self/fd/\(file.fileDescriptor)", in: settings)
                try set("ssl.key.pem", certificate.keyPEM, in: settings)
            }
        } catch {
            rd_kafka_conf_destroy(settings)
            throw error
        }
        rd_kafka_conf_set_opaque(settings, Unmanaged.passUnretained(context).toOpaque())
        rd_kafka_conf_set_events(
            settings, events | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH)
        rd_kafka_conf_set_log_cb(settings) { handle, level, facility, message in
            guard let context = HandleMaker.context(rd_kafka_opaque(handle)), let message else { return }
            context.logger.log(
                level: HandleMaker.level(level), "Kafka library",
                metadata: [
                    "facility": "\(facility.map { String(cString: $0) } ?? "")", "text": "\(String(cString: message))",
                ])
        }
        if context.route != nil {
            rd_kafka_conf_set_resolve_cb(settings) { node, service, hints, result, opaque in
                HandleMaker.resolve(node, service, hints, result, opaque)
            }
        }
        var reason = [CChar](repeating: 0, count: 512)
        let type = if case .consumer = kind { RD_KAFKA_CONSUMER } else { RD_KAFKA_PRODUCER }
        guard let handle = rd_kafka_new(type, settings, &reason, reason.count) else {
            rd_kafka_conf_destroy(settings)
            throw KafkaError(.configuration, text(reason))
        }
        return handle
    }

    /// Text that a call of the library wrote into a buffer.
    static func text(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func set(_ name: String, _ value: String, in settings: OpaquePointer) throws(KafkaError) {
        var reason = [CChar](repeating: 0, count: 512)
        guard rd_kafka_conf_set(settings, name, value, &reason, reason.count) == RD_KAFKA_CONF_OK else {
            // The library's text may repeat the value, which may be a secret.
            let isSecret = name.contains("password") || name.contains("key") || name.contains("secret")
            throw KafkaError(
                .configuration, "the setting \(name) is not taken\(isSecret ? "" : ": \(text(reason))")")
        }
    }

    private static func context(_ opaque: UnsafeMutableRawPointer?) -> HandleContext? {
        opaque.map { Unmanaged<HandleContext>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func level(_ syslog: Int32) -> Logger.Level {
        switch syslog {
        case ...3: .warning
        case 4: .info
        default: .debug
        }
    }

    /// A file in memory alone, read while the handle is made.
    private static func anonymousFile(_ content: String) throws(KafkaError) -> FileHandle {
        let descriptor = crdkafka_memory_file("certificate")
        guard descriptor >= 0 else { throw KafkaError(.unavailable, "no file in memory for the certificate") }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try file.write(contentsOf: Data(content.utf8))
        } catch {
            throw KafkaError(.unavailable, "the certificate cannot be handed to the library: \(error)")
        }
        return file
    }

    /// Leads a connection to where the route says; on the library's own thread.
    private static func resolve(
        _ node: UnsafePointer<CChar>?, _ service: UnsafePointer<CChar>?, _ hints: UnsafePointer<addrinfo>?,
        _ result: UnsafeMutablePointer<UnsafeMutablePointer<addrinfo>?>?, _ opaque: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let node, let service else {
            if let result { freeaddrinfo(result.pointee) }
            return 0
        }
        let (host, port) = (String(cString: node), String(cString: service))
        guard let route = context(opaque)?.route, let number = UInt16(port), let local = route(host, number) else {
            return EAI_AGAIN
        }
        var numeric = hints?.pointee ?? addrinfo()
        numeric.ai_family = AF_INET
        return getaddrinfo("127.0.0.1", "\(local)", &numeric, result)
    }
}
