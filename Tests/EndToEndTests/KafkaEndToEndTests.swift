import Foundation
import NIOHTTP1
import TestTools
import Testing

/// Real processes that meet on Kafka by configuration alone.
@Suite("Kafka end to end", .serialized, .enabled(if: KafkaAtHand.isThere, KafkaAtHand.note), .timeLimit(.minutes(5)))
struct KafkaEndToEndTests {
    @Test("register, run, call, rotate, SIGTERM: nothing else is said than that Kafka is the broker, and none fails")
    func life() async throws {
        try await KafkaAtHand.with(connectors: ["one", "two"]) { site in
            let answer = try await site.call("hello")
            #expect(answer.status == 200)
            #expect(answer.text == "served /open/hello")
            let status = try await Self.postern("status", "one", site)
            #expect(status.output.contains("queue        kafka at "))
            #expect(status.output.contains("librdkafka "))
            let ping = try await Self.postern("ping", "one", site)
            #expect(ping.status == 0, "\(ping.errors)")
            let rotation = try await Self.postern("rotate", "one", site)
            #expect(rotation.output.contains("generation 2"), "\(rotation.errors)")
            #expect(try await site.call("after-rotation").status == 200)
            let longest = try await site.loseWhileCalling("one", signal: SIGTERM, calls: 64)
            print("SIGTERM on Kafka with 64 calls in flight: the last answer came \(longest) after it")
            #expect(site.service.executions.values.allSatisfy { $0 == 1 })
            #expect(await site.connectors["one"]?.wait().status == 0)
            let alone = try await Self.postern("ping", "one", site)
            #expect(alone.status == 0, "\(alone.errors)")
            let doctor = try await Program.run(
                "postern",
                [
                    "doctor", "--state-dir", site.state("one"), "--config",
                    site.folder.appendingPathComponent("connector.yaml").path,
                ], in: site.folder)
            #expect(doctor.output.contains("kafka at "), "\(doctor.output)")
        }
    }

    @Test("a connector that is killed with 64 calls in flight loses none, and costs at most 2.5 seconds")
    func killed() async throws {
        try await KafkaAtHand.with(connectors: ["one", "two"]) { site in
            let longest = try await site.loseWhileCalling("one", signal: SIGKILL, calls: 64)
            print("SIGKILL on Kafka with 64 calls in flight: the last answer came \(longest) after it")
            #expect(longest <= .milliseconds(2500))
            // What was never given to the dead one's partitions is taken by the other, through its inbox.
            for number in 0..<8 {
                let begun = ContinuousClock.now
                #expect(try await site.call("after-\(number)").status == 200)
                #expect(ContinuousClock.now - begun <= .milliseconds(2500))
            }
        }
    }

    @Test("the dispatcher runs in a process of its own, and the role broker is nobody's")
    func rolesApart() async throws {
        try await KafkaAtHand.with(connectors: ["one"]) { site in
            site.tenant?.signal(SIGTERM)
            _ = await site.tenant?.wait()
            try await site.serve(options: ["--roles", "enrollment,dispatcher"])
            try await site.waitUntilOnline(1)
            #expect(try await site.call("again").status == 200)
            #expect(!FileManager.default.fileExists(atPath: site.tenantFolder + "/queue.sqlite"))
        }
    }

    @Test("a connector whose tenant has another queue now ends, says so, and finds the other one when it starts again")
    func moved() async throws {
        try await KafkaAtHand.with(connectors: ["one"]) { site in
            let set = try await Program.run(
                "postern-tenant",
                [
                    "kafka", "set", "--state-dir", site.tenantFolder, "--topic-prefix",
                    "e2e-\(UUID().uuidString.prefix(8).lowercased())",
                ], in: site.folder)
            #expect(set.status == 0, "\(set.errors)")
            site.tenant?.signal(SIGTERM)
            _ = await site.tenant?.wait()
            try await site.serve()
            let connector = try #require(site.connectors["one"])
            // A renewal asks the tenant for the credentials of the new certificate, and so learns of it at once.
            _ = try await Self.postern("rotate", "one", site)
            #expect(await connector.wait().status == 8)
            #expect(connector.errors.contains("queue-moved"), "\(connector.errors.suffix(600))")
            site.forget("one")
            try site.run("one")
            try await site.waitUntilOnline(1)
            #expect(try await site.call("there").status == 200)
        }
    }

    @Test("settings that cannot work are refused in words, with exit code 2, and change nothing")
    func wrongSettings() async throws {
        try await Site.with { site in
            func set(_ options: [String]) async throws -> Program.Result {
                try await Program.run(
                    "postern-tenant", ["kafka", "set", "--state-dir", site.tenantFolder] + options, in: site.folder)
            }
            let wrong: [([String], String)] = [
                (["--topic-prefix", "x"], "--bootstrap"),
                (["--bootstrap", "nowhere"], "host:port"),
                (["--bootstrap", "kafka:9092", "--security", "mtls"], "--kafka-cert"),
                (["--bootstrap", "kafka:9092", "--security", "scram-sha-512", "--tls"], "user"),
                (["--bootstrap", "kafka:9092", "--connector-security", "oauthbearer"], "TLS"),
                (
                    ["--bootstrap", "kafka:9092", "--connector-property", "plugin.library.paths=x"],
                    "plugin.library.paths"
                ),
                (["--bootstrap", "kafka:9092", "--property", "no-value"], "NAME=VALUE"),
                (["--bootstrap", "kafka:9092", "--kafka-ca", "/nowhere"], "cannot read /nowhere"),
            ]
            for (options, text) in wrong {
                let result = try await set(options)
                #expect(result.status == 2, "\(options): \(result.errors)")
                #expect(result.errors.contains(text), "\(options): \(result.errors)")
            }
            let show = try await Program.run(
                "postern-tenant", ["kafka", "show", "--state-dir", site.tenantFolder], in: site.folder)
            #expect(show.output.contains("embedded broker"))
            // The embedded broker is reached from afar by connectors only.
            let alone = try await Program.run(
                "postern-tenant", ["serve", "--state-dir", site.tenantFolder, "--roles", "dispatcher"], in: site.folder)
            #expect(alone.status == 2 && alone.errors.contains("kafka set"))
        }
    }

    static func postern(_ command: String, _ name: String, _ site: Site) async throws -> Program.Result {
        try await Program.run("postern", [command, "--state-dir", site.state(name)], in: site.folder)
    }
}
