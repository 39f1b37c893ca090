import Foundation
import Testing

/// Who reads what lies on the disks of a running installation.
@Suite("The blind broker, end to end", .serialized, .timeLimit(.minutes(2)))
struct BlindBrokerEndToEndTests {
    @Test("what is asked and answered is in no log and no file of the queue, but at the two ends alone")
    func markers() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let id = UUID().uuidString
            let (path, query, header, body) = ("path-\(id)", "query-\(id)", "header-\(id)", "body-\(id)")
            let target = "/v1/groups/site/services/app/open/\(path)?q=\(query)"
            let called = try await site.http("POST", target, headers: [("x-marker", header)], body: body)
            #expect(called.status == 200)
            #expect(called.text.contains("served /open/\(path)"))
            let submitted = try await site.ctl([
                "submit", "site", "app", "/open/\(path)?q=\(query)", "-X", "POST", "-d", body, "--wait", "30s",
            ])
            #expect(submitted.status == 0, "\(submitted.errors)")
            #expect(submitted.output.contains("served /open/\(path)"))

            // The ledger of the tenant and the journal of the connector are the ends of the relay, not its middle: both
            // have to read again what is in them. So is what a command printed for whoever called it.
            var seen: [String] = []
            let files = FileManager.default.enumerator(at: site.folder, includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                guard let bytes = try? Data(contentsOf: file) else { continue }
                let name = file.lastPathComponent
                seen.append(name)
                let isEnd = ["ledger.sqlite", "journal.sqlite", "posternctl-"].contains { name.hasPrefix($0) }
                guard !isEnd else { continue }
                for marker in [path, query, header, body] {
                    #expect(bytes.range(of: Data(marker.utf8)) == nil, "\(file.path) has \(marker)")
                }
            }
            for name in ["queue.sqlite", "ledger.sqlite", "journal.sqlite"] { #expect(seen.contains(name), "\(seen)") }
            #expect(seen.contains { $0.hasSuffix(".err") }, "\(seen)")
        }
    }
}
