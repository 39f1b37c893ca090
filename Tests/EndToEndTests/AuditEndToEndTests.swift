import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization
import Testing

/// The audit logs of both ends, by command, with a second implementation, and against somebody with a shell.
@Suite("End to end: audit and limits", .serialized, .timeLimit(.minutes(5)))
struct AuditEndToEndTests {
    /// Verifies an export as Documentation/Identity.md describes it, with nothing of ours: prints size and root.
    private static let verifier = """
        import datetime, hashlib, json, struct, sys
        sha = lambda b: hashlib.sha256(b).digest()
        text = lambda t: struct.pack(">H", len(t.encode())) + t.encode()
        def mth(d):
            if len(d) < 2: return d[0] if d else sha(b"")
            k = 1
            while k * 2 < len(d): k *= 2
            return sha(b"\\x01" + mth(d[:k]) + mth(d[k:]))
        leaves, last = [], sha(b"")
        for line in open(sys.argv[1]):
            row = json.loads(line)
            form = "%Y-%m-%dT%H:%M:%S.%f%z" if "." in row["time"] else "%Y-%m-%dT%H:%M:%S%z"
            time = datetime.datetime.strptime(row["time"].replace("Z", "+0000"), form)
            ms = round(time.timestamp() * 1000)
            entry = b"\\x01" + struct.pack(">Q", row["sequence"]) + last + struct.pack(">Q", ms)
            for part in [row["actor"]["kind"], row["actor"]["id"], row["actor"]["name"], row["source"], row["action"],
                         row["subject"], row["outcome"]]: entry += text(part)
            entry += bytes([len(row["detail"])])
            for key, value in sorted(row["detail"].items(), key=lambda p: p[0].encode()): entry += text(key) + text(value)
            last = sha(b"\\x00" + entry)
            assert row["sequence"] == len(leaves) and row["leaf"] == last.hex(), "row %d" % row["sequence"]
            leaves.append(last)
        print(len(leaves), mth(leaves).hex())
        """

    @Test("what both ends do is on record, verified by both, and by a second implementation")
    func recorded() async throws {
        try await Site.with(connectors: ["one"]) { site in
            #expect(try await site.http("GET", "/v1/groups/site/services/app/closed/7").status == 403)
            #expect(try await site.postern(["pause", "--note", "new switch"], of: "one").status == 0)
            #expect(try await site.postern(["resume"], of: "one").status == 0)
            #expect(try await site.ctl(["connectors", "pause", "one", "--note", "from afar"]).status == 0)
            #expect(try await site.ctl(["connectors", "resume", "one"]).status == 0)
            #expect(try await site.http("GET", "/v1/audit", key: "psa_wrong").status == 401)

            let own = try await site.postern(["audit", "list"], of: "one").output
            for word in [
                "connector.register", "service.start", "configuration=", "policy.deny", "path=/closed/*",
                "operator  connector.pause", "note=new switch", "tenant:", "note=from afar",
            ] {
                #expect(own.contains(word), "\(word) in \(own)")
            }
            let acts = try await site.ctl(["audit", "list", "--action", "connectors"]).output
            for word in [
                "connectors.register", "connectors.pause", "connectors.resume", "administrator:admin", "127.0.0.1",
            ] {
                #expect(acts.contains(word), "\(word) in \(acts)")
            }
            #expect(try await site.ctl(["audit", "list", "--since", "1h"]).output.contains("service.start"))

            try await waitUntil("the heads have been exchanged", within: .seconds(40)) {
                let here = try await site.postern(["audit", "heads"], of: "one").output
                let there = try await site.ctl(["audit", "heads"]).output
                return here.contains("root") && there.contains("root")
            }
            let verified = try await site.postern(["audit", "verify"], of: "one")
            #expect(verified.status == 0, "\(verified.errors)")
            #expect(verified.output.contains("heads compared: 1"), "\(verified.output)")
            let heads = try site.write(try await site.postern(["audit", "heads"], of: "one").output, to: "heads")
            let tenant = try await site.ctl(["audit", "verify", "--head", heads])
            #expect(tenant.status == 0, "\(tenant.errors)")
            #expect(!tenant.output.contains("no head"), "\(tenant.output)")

            let export = try await site.ctl(["audit", "export"]).output
            try site.write(export, to: "export")
            try site.write(Self.verifier, to: "verify.py")
            let second = try await Program.run(
                "python3", [site.path("verify.py"), site.path("export")], in: site.folder)
            #expect(second.status == 0, "\(second.errors)")
            let ours = try await site.ctl(["audit", "verify", "--log", site.path("export")]).output
            let words = second.output.split(whereSeparator: \.isWhitespace)
            #expect(ours.contains("\(words.first ?? "-") rows"), "\(ours)")
            #expect(ours.contains("root \(words.last ?? "-")"), "\(ours)")
            let offline = try await Program.run(
                "postern-tenant", ["audit", "verify", "--state-dir", site.tenantFolder], in: site.folder)
            #expect(offline.status == 0, "\(offline.errors)")
        }
    }

    @Test("an edited row, and a log begun anew, are found by each end's commands")
    func tampered() async throws {
        try await Site.with(connectors: ["one"]) { site in
            try await waitUntil("the heads have been exchanged", within: .seconds(40)) {
                let here = try await site.postern(["audit", "heads"], of: "one").output
                let there = try await site.ctl(["audit", "heads"]).output
                return here.contains("root") && there.contains("root")
            }
            let heads = try site.write(try await site.postern(["audit", "heads"], of: "one").output, to: "heads")
            site.connectors["one"]?.signal(SIGTERM)
            _ = await site.connectors["one"]?.wait()
            let file = site.state("one") + "/audit.sqlite"
            let edit = """
                import sqlite3, sys
                db = sqlite3.connect(sys.argv[1])
                body = db.execute("SELECT body FROM entries WHERE sequence = 1").fetchone()[0]
                db.execute("UPDATE entries SET body = ? WHERE sequence = 1", (body[:-1] + bytes([body[-1] ^ 1]),))
                db.commit()
                """
            try site.write(edit, to: "edit.py")
            let edited = try await Program.run("python3", [site.path("edit.py"), file], in: site.folder)
            try #require(edited.status == 0, "\(edited.errors)")
            let found = try await site.postern(["audit", "verify", "--offline"], of: "one")
            #expect(found.status == 1)
            #expect(found.errors.contains("row 1 "), "\(found.errors)")

            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: file + suffix) }
            try site.run("one")
            try await waitUntil("the tenant notes it", within: .seconds(40)) {
                try await site.ctl(["audit", "list", "--action", "audit.conflict"]).output.contains("audit.conflict")
            }
            let anew = try await site.postern(["audit", "verify"], of: "one")
            #expect(anew.status == 1)
            #expect(anew.errors.contains("the tenant"), "\(anew.errors)")
            #expect(try await site.postern(["audit", "verify", "--offline"], of: "one").status == 0)

            // The tenant's turn: a row is taken away while nobody looks.
            site.tenant?.signal(SIGTERM)
            _ = await site.tenant?.wait()
            let delete =
                "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('DELETE FROM entries WHERE sequence = 2'); db.commit()"
            try site.write(delete, to: "delete.py")
            _ = try await Program.run(
                "python3", [site.path("delete.py"), site.tenantFolder + "/audit.sqlite"], in: site.folder)
            try await site.serve()
            let tenant = try await site.ctl(["audit", "verify", "--head", heads])
            #expect(tenant.status == 7)
            #expect(tenant.errors.contains("row 2 is missing"), "\(tenant.errors)")
        }
    }

    @Test("a member's calls stay quick while its own address floods the port with wrong secrets and slow heads")
    func flooded() async throws {
        try await Site.with(connectors: ["one"]) { site in
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(site.tenantFolder + "/ca.pem"))
            var plain = tls
            plain.applicationProtocols = ["http/1.1"]
            tls.certificateChain = try NIOSSLCertificate.fromPEMFile(site.state("one") + "/certificate.pem")
                .map { .certificate($0) }
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: site.state("one") + "/key.pem", format: .pem))
            let member = HTTPClient(eventLoopGroupProvider: .singleton, configuration: .init(tlsConfiguration: tls))
            let url = site.url + "/v1/self"

            func measure() async throws -> Duration {
                var times: [Duration] = []
                for _ in 0..<60 {
                    let begun = ContinuousClock.now
                    let answer = try await member.execute(HTTPClientRequest(url: url), timeout: .seconds(20))
                    _ = try await answer.body.collect(upTo: 1 << 16)
                    times.append(.now - begun)
                    #expect(answer.status == .ok)
                }
                return times.sorted()[58]
            }

            let outcome = try await Result.capturing {
                let quiet = try await measure()
                let statuses = Counts()
                var slow: [RawConnection] = []
                for _ in 0..<50 {
                    let connection = try await RawConnection.open(port: site.port, tls: plain)
                    await connection.send("POST /v1/enrollments HTTP/1.1\r\nHost: local")
                    slow.append(connection)
                }
                let busy = try await withThrowingTaskGroup { group in
                    for flood in 0..<16 {
                        group.addTask { [site, statuses] in
                            while !Task.isCancelled {
                                let answer = try? await site.http(
                                    "POST", "/v1/enrollments/nonces", key: "pse_wrong\(flood)", timeout: .seconds(20))
                                if let answer { statuses.count(answer.status) }
                            }
                        }
                    }
                    try await waitUntil("the limits hold", within: .seconds(20)) {
                        statuses.all[429, default: 0] > 200
                    }
                    let busy = try await measure()
                    group.cancelAll()
                    return busy
                }
                let counted = statuses.all
                print("p99 of a member's calls: quiet \(quiet), flooded \(busy); answers to the flood: \(counted)")
                #expect(busy < .seconds(2), "quiet \(quiet)")
                #expect(counted.keys.allSatisfy { [401, 429].contains($0) }, "\(counted)")
                try await waitUntil("the slow heads are closed", within: .seconds(20)) { slow.allSatisfy(\.hasEnded) }
            }
            try await member.shutdown()
            try outcome.get()
            let strangers = try await Program.run(
                "postern-tenant", ["audit", "export", "installation", "--state-dir", site.tenantFolder], in: site.folder
            ).output
            // A flood is a few rows, and the alarm is one of them.
            #expect(strangers.split(separator: "\n").count < 30, "\(strangers)")
            #expect(strangers.contains("rate-limited"))
            // Who administers is not locked out by what others at the same address do wrong.
            #expect(try await site.ctl(["groups", "list"]).status == 0)
        }
    }
}

/// How often each status came.
private final class Counts: Sendable {
    private let content = Mutex<[Int: Int]>([:])
    var all: [Int: Int] { content.withLock { $0 } }
    func count(_ status: Int) { content.withLock { $0[status, default: 0] += 1 } }
}

extension Result where Failure == any Error {
    fileprivate static func capturing(_ body: () async throws -> Success) async throws -> Result {
        do { return .success(try await body()) } catch { return .failure(error) }
    }
}
