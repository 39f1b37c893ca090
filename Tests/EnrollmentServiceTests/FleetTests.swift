import EnrollmentProtocol
import Foundation
import MachineIdentity
import Testing

@testable import EnrollmentService

@Suite struct FleetTests {
    private static let size = 1000

    @Test func aThousandConnectorsRenewAtOnce() async throws {
        let stage = try await Stage()
        let fleet = try await register(Self.size, stage)
        let bystander = try await stage.register(of: stage.acme)
        stage.advance(by: 16 * 3600)
        let keys = fleet.map { _ in MachineKey() }
        let clock = ContinuousClock()
        let start = clock.now
        // A request that only reads, again and again, shows whether the renewals leave room for others.
        let watch = Task {  // Ended by this test, below.
            var latencies: [Duration] = []
            while !Task.isCancelled {
                let begin = clock.now
                let problem = try? await stage.verdict(on: bystander)
                guard !Task.isCancelled else { break }
                #expect(problem == .some(nil))
                latencies.append(clock.now - begin)
            }
            return latencies
        }
        defer { watch.cancel() }
        let renewed = try await withThrowingTaskGroup(of: (Machine, Duration).self) { group in
            for (machine, key) in zip(fleet, keys) {
                group.addTask {
                    let begin = clock.now
                    let answer = try await stage.askToRenew(machine, key: key)
                    let latency = clock.now - begin
                    return (try machine.renewed(key: key, try answer.message()), latency)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let all = clock.now - start
        watch.cancel()
        let others = await watch.value
        #expect(renewed.count == Self.size)
        #expect(renewed.allSatisfy { $0.0.answer.generation == 2 })
        let (usual, worst) = Self.percentiles(renewed.map(\.1))
        let (otherUsual, otherWorst) = Self.percentiles(others)
        print(
            "\(Self.size) renewals at once: \(all), p50 \(usual), p99 \(worst);",
            "beside them \(others.count) readers: p50 \(otherUsual), p99 \(otherWorst)")
        #expect(worst < .seconds(45))
        #expect(otherWorst < .seconds(5))
        for (machine, _) in renewed.prefix(20) { #expect(try await stage.verdict(on: machine) == nil) }
    }

    private func register(_ count: Int, _ stage: Stage) async throws -> [Machine] {
        var fleet: [Machine] = []
        while fleet.count < count {
            let secret = try #require(try await stage.invite(uses: 100, of: stage.acme).secret)
            fleet += try await withThrowingTaskGroup(of: Machine.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        let key = MachineKey()
                        let answer = try await stage.enroll(secret, key: key).message(EnrollAnswer.self, status: 201)
                        return Machine(
                            key: key, answer: answer,
                            certificate: try #require(try CertificatePEM.decode(answer.certificate).first))
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        return fleet
    }

    private static func percentiles(_ latencies: [Duration]) -> (usual: Duration, worst: Duration) {
        let sorted = latencies.sorted()
        guard let last = sorted.last else { return (.zero, .zero) }
        return (sorted[sorted.count / 2], sorted.count < 100 ? last : sorted[sorted.count * 99 / 100])
    }
}
