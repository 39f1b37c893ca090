import BrokerCore
import Connector
import Dispatcher
import Foundation
import RelayFormat
import RelayKeys
import RelaySealing
import Testing

@Suite("What the broker can read", .timeLimit(.minutes(1)))
struct BlindBrokerTests {
    @Test(
        "is no path, query, header, body or answer: not in what it stored, its files, nor any log",
        arguments: EvilCase.allCases)
    func markers(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            func marker(_ name: String) -> String { "marker-\(name)-\(BootID.random())" }
            let (path, query, header, body, answer) = (
                marker("path"), marker("query"), marker("header"), marker("body"), marker("answer")
            )
            let name = marker("connector")
            let connector = try tenant.connector(name, service: WitnessService(addition: answer))
            connector.start()
            for size in [0, 3000, 40_000] {
                for requestClass in [RequestClass.safe, .keyed, .once] {
                    let filling = [UInt8](repeating: 32, count: size) + Array(body.utf8)
                    let result = await tenant.call(
                        "/\(path)?\(query)", class: requestClass, body: filling,
                        headers: [HTTPHeaderField("X-Marker", header)])
                    #expect(result.body == filling + Array(answer.utf8))
                }
            }
            // What it refuses is logged, and so is what it says itself.
            let request = try #require(site.broker.stored(.request).last)
            var changed = request.payload
            changed[300] ^= 1
            try await site.expectRefused(
                [changed], at: tenant.queue, by: connector.refusals, as: [.signature], "an altered request")
            let secrets = [path, query, header, body, answer].map { Data($0.utf8) }
            for record in site.broker.stored {
                let payload = Data(record.payload)
                for secret in secrets + [Data(name.utf8)] {
                    #expect(payload.range(of: secret) == nil, "\(String(describing: record.header?.kind))")
                }
            }
            // All of it once more for a group that nobody reads: it stays in the files.
            let unread = Place.group(GroupPlace(tenant: tenant.id, group: .random()))
            let outcomes = await site.broker.deliver(
                site.broker.stored.map(\.payload), to: unread, until: site.clock.clock.now + .seconds(600))
            #expect(outcomes.allSatisfy { $0 == .stored })
            let files = try FileManager.default.contentsOfDirectory(atPath: site.folder)
            #expect(files.isEmpty == (evil.broker == .memory))
            var isWritten = false
            for file in files {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: site.folder + "/" + file))
                for secret in secrets + [Data(name.utf8)] { #expect(bytes.range(of: secret) == nil, "\(file)") }
                // The request's id, and the commitment behind it.
                if bytes.range(of: Data(request.payload[104..<160])) != nil { isWritten = true }
            }
            #expect(isWritten == (evil.broker == .sqlite))
            let log = Data(site.log.text.joined(separator: "\n").utf8)
            #expect(log.range(of: Data("Record refused".utf8)) != nil)
            for secret in secrets { #expect(log.range(of: secret) == nil) }
        }
    }
}
