internal import Foundation
internal import KafkaBroker
internal import KafkaTopology
internal import Logging
internal import RelayFormat
internal import TestTools
internal import Testing

/// The administrator's part on a broker process without rules of access, and on whatever has no broker at all.
@Suite struct KafkaAdminTests {
    private func configuration(_ bootstrap: String) -> KafkaConfiguration {
        KafkaConfiguration(bootstrap: bootstrap, role: .dispatcher, clientID: "admin-tests")
    }

    @Test(.enabled(if: NoidaServer.program != nil, "\(PythonPackages.note)"))
    func `what is missing is made, once`() async throws {
        try await NoidaServer.with { server in
            try await AdminBench.with(configuration(server.bootstrap)) { bench in
                let wishes = bench.wishes()
                let plan = try await bench.plan(wishes)
                #expect(plan.topics.count == 4)
                #expect(plan.grants == [] && plan.remarks.contains { $0.contains("no authorizer") })
                #expect(await bench.admin.apply(plan) == [])
                let seen = try await bench.admin.look(at: bench.layout)
                #expect(seen.topics.count == 4)
                #expect(seen.topics["\(bench.layout.prefix).\(bench.tenant).req.\(bench.group)"]?.partitions == 3)
                #expect(seen.topics["\(bench.layout.prefix).\(bench.tenant).in"]?.partitions == 4)
                // Applied again as it was, since two processes may do so at once.
                #expect(await bench.admin.apply(plan) == [])
                #expect(try await bench.plan(wishes).topics == [])
            }
        }
    }

    @Test func `where nobody answers it is said, with what to look at, and in time`() async throws {
        let port = try NoidaServer.freePort()
        try await AdminBench.with(configuration("127.0.0.1:\(port)"), time: .seconds(2)) { bench in
            let began = ContinuousClock.now
            await #expect { try await bench.admin.look(at: bench.layout) } throws: { error in
                guard let error = error as? KafkaError else { return false }
                return error.code == .unreachable && error.message.contains("\"bootstrap\"")
            }
            #expect(ContinuousClock.now - began < .seconds(5))
        }
    }

    @Test func `a setting that the library does not take is refused at once`() {
        var configuration = configuration("127.0.0.1:1")
        configuration.properties = ["no.such.setting": "1"]
        #expect(throws: KafkaError(.configuration, "")) {
            try KafkaAdmin(configuration: configuration, logger: Logger(label: "admin"))
        }
    }

    @Test func `a closed administrator answers nothing any more`() async throws {
        let admin = try KafkaAdmin(
            configuration: configuration("127.0.0.1:1"),
            logger: Logger(label: "admin") { _ in SwiftLogNoOpLogHandler() })
        await admin.close()
        await #expect(throws: KafkaError(.closed, "")) { try await admin.look(at: .init()) }
    }
}
